"""Actors that are paid for their entropy (Haarnoja et al., Soft Actor-Critic Algorithms and Applications, 2018).

    y = r + γ (1 - terminated) (min_i Q'_i(s', a') - α log π(a' | s')),    a' ~ π(s'),
    J_π = E[α log π(a | s) - Q(s, a)] / std + β KL(π ‖ π_clone),           a ~ π(s), differentiable by its parameters,
    J_α = E[α (-log π(a | s) - H)],

with Q the least or the mean of the critics, std the scale of their values and H the entropy that the temperature α
holds. Densities are those of actions in half ranges of the action space.
"""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.policy import Policy
from ilkit.data.spaces import Box
from ilkit.nn.head import ContinuousHead
from ilkit.off_policy.actions import units_of
from ilkit.off_policy.critics import least_values, lower_bound, outputs_of
from ilkit.off_policy.spec import OffPolicySpec
from ilkit.off_policy.updates import Batch, Learner, Rules, State, clone_cost


class SoftSpec(OffPolicySpec):
    """The settings of an actor that is paid for its entropy."""

    initial_temperature: PositiveFloat = 0.1
    """α at first: what a nat of entropy is worth, in units of returns."""
    target_entropy: Annotated[float, Field(ge=-1000, le=1000)] | None = None
    """H: the entropy that α holds, in nats, of actions in half ranges; minus their number of entries by default."""
    num_critics: PositiveInt = 5
    """Critics that are learnt."""
    clone_weight: NonNegativeFloat | None = 0.002
    """β: what a nat of KL(π ‖ π_clone) costs, against a standardized value; nothing if none."""
    clone_half_life: PositiveFloat | None = 150.0
    """Steps of every environment after the warm-up in which that cost halves; none where it stays."""
    pessimism: NonNegativeFloat | None = 3.0
    """k: an actor climbs the mean of all critics less k times their standard deviation, so that it stays where they
    agree; none for what was published, the least or the mean as the kind says."""

    @property
    def climbs_mean(self) -> bool:
        """Whether the actor climbs the mean of the critics rather than the least of them."""
        return False

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy with a memory, or without a density whose samples are differentiable and within the bounds."""
        return (*super().policy_faults(policy, parts), *density_faults(policy))


class SoftActor(NamedTuple):
    """What the actor learns."""

    policy: PyTree
    """The trained part of the policy."""
    log_temperature: Float[Array, ""]


def density_faults(policy: Policy) -> tuple[str, ...]:
    """What keeps gradients of log π(a | s) from flowing through samples within the bounds of the action space."""
    if not isinstance(policy.spaces.action, Box):
        return ()  # said of the environment
    remedy = "Choose policy.kind gaussian with squash: true, or finetune.kind td3."
    if not (policy.reparameterized and policy.has_density):
        return (
            "policy: must have a density whose samples are a differentiable function of its parameters, and "
            f"{type(policy).__name__} has none. {remedy}",
        )
    units = policy.units if isinstance(policy, ContinuousHead) else units_of(policy)
    open_entries = [entry for entry, bounded in enumerate(units.bounded) if bounded and not units.squashed[entry]]
    if not open_entries:
        return ()
    return (
        f"policy: must keep its samples within the bounds of the action space, and {type(policy).__name__} doesn't "
        f"squash entry {open_entries[0]}. {remedy}",
    )


def policy_of(state: State) -> Policy:
    """The policy learnt so far."""
    return _policy(state.learner.networks.actor, state)


def soft_targets(spec: SoftSpec, state: State, learner: Learner, batches: Batch) -> Float[Array, "updates batch"]:
    """The soft Bellman targets y."""
    actor, steps = learner.networks.actor, batches.steps
    policy = _policy(actor, state)
    actions, log_probs = jax.vmap(lambda obs, keys: drawn(policy, obs, keys))(steps.next_obs, batches.noise)
    values = (
        least_values(learner.slow.critics, learner.scale, state.fixed, steps.next_obs, actions, batches.subset)
        - jnp.exp(actor.log_temperature) * log_probs
    )
    return steps.rewards + spec.discount * (1.0 - steps.terminated) * values


def soft_loss(
    actor: SoftActor,
    spec: SoftSpec,
    state: State,
    learner: Learner,
    obs: PyTree,
    keys: Key[Array, " batch"],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """J_π + J_α, and minus the mean value of the actions."""
    actions, log_probs = drawn(_policy(actor, state), obs, keys)
    outputs = outputs_of(learner.networks.critics, state.fixed, obs, actions)
    value = jnp.mean(climbed(spec, outputs))
    temperature, cost = jnp.exp(actor.log_temperature), jnp.mean(log_probs)
    loss = jax.lax.stop_gradient(temperature / learner.scale.std) * cost - value
    if state.anchor is not None:
        loss += clone_cost(spec, state) * (cost - jnp.mean(log_density(state.anchor.policy, obs, actions)))
    loss += temperature_loss(temperature, jax.lax.stop_gradient(-cost), held_entropy(spec, state))
    return loss, -learner.scale.values(value)


def climbed(spec: SoftSpec, outputs: Float[Array, "critics batch"]) -> Float[Array, " batch"]:
    """What the actor climbs of what the critics put out."""
    if spec.pessimism is not None:
        return lower_bound(outputs, spec.pessimism)
    return jnp.mean(outputs, axis=0) if spec.climbs_mean else jnp.min(outputs, axis=0)


def temperature_loss(
    temperature: Float[Array, ""], entropy: Float[Array, ""], target: Float[Array, ""] | float
) -> Float[Array, ""]:
    """J_α, whose gradient by α is what the entropy has too much."""
    return temperature * (entropy - target)


def held_entropy(spec: SoftSpec, state: State) -> Float[Array, ""] | float:
    """H."""
    return -float(state.fixed.spaces.action.size) if spec.target_entropy is None else spec.target_entropy


def drawn(
    policy: Policy, obs: PyTree, keys: Key[Array, " batch"]
) -> tuple[Float[Array, "batch act"], Float[Array, " batch"]]:
    """A sample for each observation, and its log density."""

    _, actions, log_probs = jax.vmap(lambda obs, key: policy.sample_with_log_prob((), obs, key=key))(obs, keys)
    return actions, log_probs + _log_units(policy)


def log_density(policy: Policy, obs: PyTree, actions: Float[Array, "batch act"]) -> Float[Array, " batch"]:
    """The densities log π(a | s) of actions in half ranges."""
    return jax.vmap(lambda obs, action: policy.log_prob((), obs, action)[1])(obs, actions) + _log_units(policy)


def _log_units(policy: Policy) -> Float[Array, ""]:
    return jnp.sum(jnp.log(units_of(policy).half_range))


def _policy(actor: SoftActor, state: State) -> Policy:
    policy: Policy = eqx.combine(actor.policy, state.fixed)
    return policy


def _keys(spec: SoftSpec, state: State, shape: tuple[int, ...], *, key: PRNGKeyArray) -> Key[Array, "..."]:
    del spec, state
    return jax.random.split(key, shape)


def _actor(spec: SoftSpec, trained: PyTree) -> SoftActor:
    return SoftActor(trained, jnp.log(jnp.asarray(spec.initial_temperature, jnp.float32)))


SOFT_RULES = Rules(
    policy=Partial(policy_of),
    targets=Partial(soft_targets),
    actor_loss=Partial(soft_loss),
    noise=Partial(_keys),
    actor_noise=Partial(_keys),
    actor=Partial(_actor),
)
"""What soft actor-critics do in their own way."""
