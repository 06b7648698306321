"""ThriftyDAgger: the expert is asked for help where the state is novel or risky, as often as a budget allows.

The expert takes over where the doubt of an ensemble is above its (1 - α)-quantile, or the chance of ending well below
its α-quantile, both over the states in which the policy acted. It gives back once the policy is as
near to it as it is to the answers on average, and the chance above its median (Hoque et al., ThriftyDAgger:
Budget-Aware Novelty and Risk Gating for Interactive Imitation Learning, 2021).
"""

from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, PRNGKeyArray
from pydantic import Field, PositiveInt

from ilkit.data.aggregate import Aggregate, Interaction
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.interaction.gate import Gate, Seen, never
from ilkit.interaction.risk import Critics, End, Fit, fit_critics
from ilkit.interaction.rounds import Kind, train_in_rounds
from ilkit.interaction.spec import GatedSpec
from ilkit.interaction.team import deviation
from ilkit.nn.committee import Committee

_FEWEST = 25
"""States that a threshold is refitted from, at least."""


class ThriftyDAgger(GatedSpec):
    """The expert takes over where a state is novel or risky, within a budget (Hoque et al., 2021)."""

    kind: Literal["thrifty_dagger"] = "thrifty_dagger"
    num_members: Annotated[int, Field(ge=2, le=1000)] = 5
    """Policies, each fitted to a bootstrap of the answers; they act by their mean."""
    target_rate: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """α: the share of the policy's states at which each of doubt and risk calls for the expert."""
    budget: PositiveInt | None = None
    """How many answers may be kept in all rounds: the round that would exceed it keeps its first ones, and none is
    asked for after it. No limit where none is given."""
    end: End = "failure"
    """What it means that the environment ends an episode: that the task is done, or that it has failed. A time limit
    means the other one."""
    discount: Annotated[float, Field(gt=0, lt=1)] = 0.9999
    """γ of the chance of ending well."""
    critic_hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 64)
    """The hidden layers of the critics that estimate it."""


class _Thresholds(eqx.Module):
    doubt: Float[Array, ""]
    """Above this the state is novel."""
    chance: Float[Array, ""]
    """Below this it is risky."""
    usual_chance: Float[Array, ""]
    """Above this the expert gives back."""
    discrepancy: Float[Array, ""]
    """‖a - a*‖ below which it does."""


class _NovelOrRisky(Gate):
    """Remembers whether the expert acts."""

    spec: ThriftyDAgger
    critics: Critics
    thresholds: _Thresholds
    spent: Bool[Array, ""]
    max_steps: int = eqx.field(static=True)

    def initial_state(self) -> Bool[Array, ""]:
        """The policy acts."""
        return jnp.zeros((), bool)

    def __call__(self, state: Bool[Array, ""], seen: Seen) -> tuple[Bool[Array, ""], Bool[Array, ""]]:
        """Takes over where a state is novel or risky, gives back where neither is and the policy is near."""
        limits, chance = self.thresholds, self.critics(seen.obs, seen.action)
        calls = (seen.doubt > limits.doubt) | (chance < limits.chance)
        stays = (seen.deviation > limits.discrepancy) | (chance < limits.usual_chance)
        acts = jnp.where(state, stays, calls) & ~self.spent
        return acts, acts

    def refitted(self, aggregate: Aggregate, policy: Policy, *, key: PRNGKeyArray) -> "_NovelOrRisky":
        """Fits the critics to all steps, and the thresholds to where the policy acted."""
        spec = self.spec
        fit = Fit(spec.end, spec.discount, spec.learning_rate, spec.batch_size, spec.num_gradient_steps, self.max_steps)
        critics = fit_critics(fit, self.critics, aggregate, policy, key=key)
        thresholds = _refitted(spec, critics, aggregate, policy)
        spent = jnp.zeros((), bool) if spec.budget is None else aggregate.num_labels >= spec.budget
        return _NovelOrRisky(spec, critics, thresholds, spent, self.max_steps)


def interact(
    spec: ThriftyDAgger,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Policy,
    *,
    key: PRNGKeyArray,
) -> Training[Interaction]:
    """Starts from a clone of the demonstrations.

    **Raises:** `DataError` where the policy can't be a member of an ensemble, actions are discrete, or spaces differ.
    """
    world = env()
    critics_key, key = jax.random.split(key)
    zero = jnp.zeros(())
    gate = _NovelOrRisky(
        spec,
        Critics.build(world.spaces, spec.critic_hidden, key=critics_key),
        _Thresholds(zero, zero, zero, zero),
        jnp.zeros((), bool),
        world.max_steps,
    )
    kind = Kind(never, Partial(_asked, spec))
    return train_in_rounds(spec, kind, gate, policy, world, demos, expert, key=key, num_members=spec.num_members)


def _asked(spec: ThriftyDAgger, aggregate: Aggregate, drove: Bool[Array, "time envs"]) -> Bool[Array, "time envs"]:
    """Where the expert acted, as far as the budget goes."""
    if spec.budget is None:
        return drove
    so_far = aggregate.num_labels + jnp.cumsum(drove.reshape(-1)).reshape(drove.shape)
    return drove & (so_far <= spec.budget)


def _refitted(spec: ThriftyDAgger, critics: Critics, aggregate: Aggregate, policy: Policy) -> _Thresholds:
    assert isinstance(policy, Committee)
    rows = aggregate.transitions
    obs = rows.before()
    actions = jax.vmap(lambda obs: policy.mode((), obs)[1])(obs)
    doubts, chances = jax.vmap(policy.doubt)(obs), jax.vmap(critics)(obs, actions)
    apart = jax.vmap(lambda action, label: deviation(policy.spaces, action, label))(actions, rows.actions)
    by_policy = rows.valid & ~aggregate.expert_drove
    known = jnp.where(jnp.sum(by_policy) >= _FEWEST, by_policy, rows.counted)
    answered = aggregate.taught & rows.valid
    return _Thresholds(
        doubt=_quantile(doubts, known, 1.0 - spec.target_rate),
        chance=_quantile(chances, known, spec.target_rate),
        usual_chance=_quantile(chances, known, 0.5),
        discrepancy=jnp.sum(jnp.where(answered, apart, 0.0)) / jnp.maximum(jnp.sum(answered), 1),
    )


def _quantile(
    values: Float[Array, " rows"], known: Bool[Array, " rows"], share: float | Float[Array, ""]
) -> Float[Array, ""]:
    return jnp.nanquantile(jnp.where(known, values, jnp.nan), share)
