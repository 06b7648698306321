"""The bootstrap: policies fitted to resampled data disagree where the data say little (Efron, 1979).

Member l minimizes E_{(s, a) ~ D_l} ‖(μ_l(s) - a) / h‖² on a resampled data set D_l, from initial weights of its own;
cov(s) is the covariance of the members' actions (Wagenmaker et al., 2025, "Posterior behavioral cloning").

The resampling rule sets the scale. For the mean of n numbers of variance σ² the members' variance is σ² (n - 1) / n²
with replacement, and σ² (1/m - 1/n) for m of n without: the posterior's σ² / n exactly at m = n / 2.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PRNGKeyArray
from pydantic import Field, PositiveFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.data.training import Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.data.windows import Transitions, Window
from ilkit.errors import DataError
from ilkit.fitting.ensemble import (
    Ensemble,
    continuity_faults,
    ensemble_faults,
    mode,
    require_continuous,
    require_present_alone,
)
from ilkit.fitting.fit import fit
from ilkit.nn.head import half_range_of
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

    def faults(self, world: Any) -> tuple[str, ...]:
        """Actions that are choices."""
        return continuity_faults(world.spaces.action)

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy with a memory, or whose mode is a choice."""
        del parts
        return ensemble_faults(policy)


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
    training = fit(
        _squared_error,
        Partial(_optimizer, spec),
        Partial(_member, policy),
        demos,
        batch_size=spec.batch_size,
        num_steps=spec.num_steps,
        key=key,
        members=Partial(resample, spec),
    )
    return Training(training.state, training.step, Partial(_ensemble, spec, training.finish), training.num_steps)


def _member(policy: Build[Policy], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    return require_present_alone("bootstrap", policy(spaces, key=key))


def resample(spec: Bootstrap, transitions: Transitions, *, key: PRNGKeyArray) -> Int[Array, "members capacity"]:
    """How often the data of each member hold each row: 0 for rows that are not valid, or don't count."""
    by_episode = spec.unit == "trajectory"
    num_units, places = _units(transitions, by_episode=by_episode)
    shape = (spec.num_members, transitions.capacity)
    ranks, members = jnp.arange(shape[1]), jnp.arange(shape[0])[:, None]
    if spec.fraction is None:
        drawn, num_drawn = jax.random.randint(key, shape, 0, num_units), num_units
    else:
        priorities = jnp.where(ranks < num_units, jax.random.uniform(key, shape), jnp.inf)
        drawn, num_drawn = jnp.argsort(priorities, axis=1), jnp.maximum(jnp.round(spec.fraction * num_units), 1)
    drawn = drawn if places is None else places[drawn]
    multiplicities = jnp.zeros(shape, jnp.int32).at[members, drawn].add((ranks < num_drawn).astype(jnp.int32))
    return jnp.where(transitions.valid, multiplicities[:, transitions.episode], 0) if by_episode else multiplicities


def _units(transitions: Transitions, *, by_episode: bool) -> tuple[Int[Array, ""], Int[Array, " capacity"] | None]:
    """How many rows or episodes are resampled, and where they stand; None where they are the first ones."""
    if transitions.weights is None:
        return (transitions.num_episodes if by_episode else transitions.count), None
    counts = transitions.counted
    if by_episode:
        counts = jnp.zeros(transitions.capacity, bool).at[transitions.episode].max(counts)
    return jnp.sum(counts), jnp.nonzero(counts, size=transitions.capacity, fill_value=0)[0]


def _squared_error(policy: Policy, batch: Window, *, key: PRNGKeyArray) -> Float[Array, ""]:
    del key
    obs, actions = jax.tree.map(lambda rows: rows[:, 0], (batch.obs, batch.actions))
    predicted = jax.vmap(lambda obs: mode(policy, obs))(obs)
    return jnp.mean(jnp.sum(((predicted - actions) / half_range_of(policy)) ** 2, axis=-1))


def _ensemble(spec: Bootstrap, finish: Callable[[Any], Policy], state: Any) -> Uncertainty:
    return Ensemble(finish(state), spec.unbiased)


def _optimizer(spec: Bootstrap) -> optax.GradientTransformation:
    return optax.adam(optax.linear_schedule(spec.learning_rate, 0.0, spec.num_steps))
