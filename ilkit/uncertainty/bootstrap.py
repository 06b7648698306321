"""The bootstrap: policies fitted to resampled data disagree where the data say little (Efron, 1979).

Member l minimizes E_{(s, a) ~ D_l} ‖μ_l(s) - a‖² on a resampled data set D_l, from initial weights of its own;
cov(s) is the covariance of the members' actions (Wagenmaker et al., 2025, "Posterior behavioral cloning").

The resampling rule sets the scale. For the mean of n numbers of variance σ² the members' variance is σ² (n - 1) / n²
with replacement, and σ² (1/m - 1/n) for m of n without: the posterior's σ² / n exactly at m = n / 2.
"""

from typing import Annotated, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PRNGKeyArray
from pydantic import Field, PositiveFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, Transitions
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.data.training import Info, Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import DataError
from ilkit.fitting.ensemble import Ensemble, mode, require_continuous
from ilkit.fitting.gradient import descend, partition
from ilkit.spec import Spec


class Bootstrap(Spec):
    """Disagreement of deterministic policies, each fitted to resampled data (Efron, 1979)."""

    kind: Literal["bootstrap"] = "bootstrap"
    num_members: Annotated[int, Field(ge=2)] = 10
    """Policies, trained in one compiled call (L)."""
    unit: Literal["transition", "trajectory"] = "trajectory"
    """What is resampled: single steps, or whole episodes, as steps of one episode depend on each other."""
    fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    """The share of units that a member draws without replacement (all of them at 1, which leaves the initial weights as
    the only difference); by default as many as there are, with replacement."""
    unbiased: bool = False
    """Whether the covariance is divided by L - 1 rather than L."""
    learning_rate: PositiveFloat = 1e-3
    """The step size of Adam at the start; it falls linearly to 0, so that members differ by their data alone."""
    batch_size: PositiveInt = 100
    """Transitions a gradient step and member."""
    num_steps: PositiveInt = 5_000
    """Gradient steps."""
    num_seeds: PositiveInt = 1
    """Ensembles, trained in one compiled call."""


class _State(NamedTuple):
    trained: Policy
    fixed: Policy
    optimizer: optax.OptState
    cumulative: Int[Array, "members capacity"]
    """How often a member's data hold each row of the demonstrations and those before it."""


def uncertainty(
    spec: Bootstrap, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray
) -> Training[Uncertainty]:
    """Fits an ensemble to resampled demonstrations.

    **Raises:** `DataError` where actions are discrete, or a single episode is to be resampled by trajectory.
    """
    require_continuous("bootstrap", demos.spaces)
    if spec.unit == "trajectory" and demos.num_episodes < 2:
        raise DataError(
            f"uncertainty.bootstrap.unit trajectory needs at least 2 episodes, got {demos.num_episodes}. "
            "Choose transition, or roll out more episodes."
        )
    transitions = demos.transitions()
    return Training(
        state=_initial_state(spec, policy, demos.spaces, transitions, key),
        step=Partial(_step, spec, transitions),
        finish=Partial(_finish, spec),
        num_steps=spec.num_steps,
    )


@eqx.filter_jit
def _initial_state(
    spec: Bootstrap, policy: Build[Policy], spaces: Spaces, transitions: Transitions, key: PRNGKeyArray
) -> _State:
    policy_key, resample_key = jax.random.split(key)
    normalizer = Normalizer.fit(transitions.obs, transitions.valid)

    def member(key: PRNGKeyArray) -> Policy:
        return eqx.tree_at(lambda tree: tree.normalizer, policy(spaces, key=key), normalizer)

    trained, fixed = partition(eqx.filter_vmap(member)(jax.random.split(policy_key, spec.num_members)))
    cumulative = jnp.cumsum(resample(spec, transitions, key=resample_key), axis=1)
    return _State(trained, fixed, _optimizer(spec).init(trained), cumulative)


def resample(spec: Bootstrap, transitions: Transitions, *, key: PRNGKeyArray) -> Int[Array, "members capacity"]:
    """How often the data of each member hold each row: 0 for rows that are not valid."""
    by_episode = spec.unit == "trajectory"
    num_units = transitions.num_episodes if by_episode else transitions.count
    shape = (spec.num_members, transitions.obs.shape[0])
    ranks, members = jnp.arange(shape[1]), jnp.arange(shape[0])[:, None]
    if spec.fraction is None:
        drawn, num_drawn = jax.random.randint(key, shape, 0, num_units), num_units
    else:
        priorities = jnp.where(ranks < num_units, jax.random.uniform(key, shape), jnp.inf)
        drawn, num_drawn = jnp.argsort(priorities, axis=1), jnp.maximum(jnp.round(spec.fraction * num_units), 1)
    multiplicities = jnp.zeros(shape, jnp.int32).at[members, drawn].add((ranks < num_drawn).astype(jnp.int32))
    return jnp.where(transitions.valid, multiplicities[:, transitions.episode], 0) if by_episode else multiplicities


def _step(spec: Bootstrap, transitions: Transitions, state: _State, key: PRNGKeyArray) -> tuple[_State, Info]:
    rows = _draw_rows(state.cumulative, spec.batch_size, key=key)
    obs, actions = transitions.obs[rows], transitions.actions[rows]

    def loss(trained: Policy) -> Float[Array, ""]:
        members = eqx.combine(trained, state.fixed)
        return jnp.sum(eqx.filter_vmap(_squared_error)(members, obs, actions))

    value, gradient = jax.value_and_grad(loss)(state.trained)
    trained, optimizer = descend(_optimizer(spec), gradient, state.optimizer, state.trained)
    return state._replace(trained=trained, optimizer=optimizer), {"loss": value / spec.num_members}


def _draw_rows(
    cumulative: Int[Array, "members capacity"], batch_size: int, *, key: PRNGKeyArray
) -> Int[Array, "members batch"]:
    positions = jax.random.randint(key, (len(cumulative), batch_size), 0, cumulative[:, -1:])
    return jax.vmap(lambda member, at: jnp.searchsorted(member, at, side="right"))(cumulative, positions)


def _squared_error(
    policy: Policy, obs: Float[Array, "batch obs"], actions: Float[Array, "batch act"]
) -> Float[Array, ""]:
    predicted = jax.vmap(lambda obs: mode(policy, obs))(obs)
    return jnp.mean(jnp.sum((predicted - actions) ** 2, axis=-1))


def _finish(spec: Bootstrap, state: _State) -> Uncertainty:
    return Ensemble(eqx.combine(state.trained, state.fixed), spec.unbiased)


def _optimizer(spec: Bootstrap) -> optax.GradientTransformation:
    return optax.adam(optax.linear_schedule(spec.learning_rate, 0.0, spec.num_steps))
