"""Actors that climb a critic by its gradient in the action (Silver et al., 2014; Fujimoto et al., 2018).

    ∇J = E[∇_a Q_1(s, a) ∇_θ μ_θ(s)] at a = clip(μ_θ(s)),    a' = clip(μ'(s') + clip(ε, -c, c)),    ε ~ N(0, σ²),

where ∇_a Q_1 is dropped where it points out of the action space, and a' are the actions that targets are computed with.
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from ilkit.data.policy import Policy
from ilkit.off_policy.actions import ascent_within, bounds_of, units_of
from ilkit.off_policy.critics import lower_bound, outputs_of
from ilkit.off_policy.spec import OffPolicySpec
from ilkit.off_policy.updates import Batch, Learner, State, clone_cost
from ilkit.stepping.behavior import modes, smoothness_faults


class DeterministicSpec(OffPolicySpec):
    """The settings of an actor that climbs a critic."""

    target_noise: NonNegativeFloat = 0.2
    """σ: the standard deviation of noise on the target's actions, in half ranges of the action space."""
    target_noise_clip: NonNegativeFloat = 0.5
    """c: where that noise is cut, in half ranges of the action space."""
    policy_delay: PositiveInt = 2
    """Updates of the critics for one of the actor and of the slow copies."""
    num_critics: PositiveInt = 5
    """Critics that are learnt."""
    clone_weight: NonNegativeFloat | None = 0.3
    """What a squared departure from the clone costs, in half ranges, against a standardized value; nothing if none."""
    clone_half_life: PositiveFloat | None = 150.0
    """Steps of every environment after the warm-up in which that cost halves; none where it stays."""
    pessimism: NonNegativeFloat | None = 3.0
    """k: an actor climbs the mean of all critics less k times their standard deviation, so that it stays where they
    agree; none for what was published, one of them."""

    @property
    def updates_per_round(self) -> int:
        """Updates of the critics for one of the actor."""
        return self.policy_delay

    @property
    def updates_per_target(self) -> int:
        """Updates of the critics for one of their slow copies."""
        return self.policy_delay

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy with a memory, or whose mode has no gradient."""
        return (*super().policy_faults(policy, parts), *smoothness_faults(policy))

    @model_validator(mode="after")
    def _check_rounds(self) -> "DeterministicSpec":
        if (updates := self.num_envs * self.updates_per_env_step) % self.policy_delay:
            raise ValueError(f"num_envs times updates_per_env_step must be a multiple of policy_delay, got {updates}")
        return self


def actor_of(state: State) -> Policy:
    """The actor learnt so far."""
    policy: Policy = eqx.combine(state.learner.networks.actor, state.fixed)
    return policy


def smoothing_noise(
    spec: DeterministicSpec, state: State, shape: tuple[int, ...], *, key: PRNGKeyArray
) -> Float[Array, "*shape act"]:
    """ε / σ."""
    del spec
    return jax.random.normal(key, (math.prod(shape) * state.fixed.spaces.action.size,)).reshape(*shape, -1)


def target_actions(
    spec: DeterministicSpec, state: State, learner: Learner, batches: Batch
) -> Float[Array, "updates batch act"]:
    """The actions a'."""
    fixed, reach = state.fixed, spec.target_noise_clip
    policy: Policy = eqx.combine(learner.slow.actor, fixed)
    smoothing = units_of(fixed).half_range * jnp.clip(spec.target_noise * batches.noise, -reach, reach)
    return jnp.clip(jax.vmap(partial(modes, policy))(batches.steps.next_obs) + smoothing, *bounds_of(fixed))


def climbing_loss(
    actor: PyTree, spec: DeterministicSpec, state: State, learner: Learner, obs: PyTree, noise: tuple[()]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """What has the gradient -∇J with the departure from the clone, and minus the mean value of the actions."""
    del noise
    critics = learner.networks.critics
    if spec.pessimism is None:
        critics = jax.tree.map(lambda leaf: leaf[:1], critics)

    def value(actions: Float[Array, "batch act"]) -> Float[Array, ""]:
        outputs = outputs_of(critics, state.fixed, obs, actions)
        return jnp.sum(outputs if spec.pessimism is None else lower_bound(outputs, spec.pessimism))

    actions = modes(eqx.combine(actor, state.fixed), obs)
    total, ascent = ascent_within(value, actions, *bounds_of(state.fixed))
    if state.anchor is not None:
        departure = (actions - modes(state.anchor.policy, obs)) / units_of(state.fixed).half_range
        ascent -= clone_cost(spec, state) * jnp.sum(departure**2)
    return -ascent / len(actions), -learner.scale.values(total / len(actions))


def no_noise(spec: DeterministicSpec, state: State, shape: tuple[int, ...], *, key: PRNGKeyArray) -> tuple[()]:
    """A mode needs no random numbers."""
    del spec, state, shape, key
    return ()


def whole_actor(spec: DeterministicSpec, trained: PyTree) -> PyTree:
    """All that is trained of the clone."""
    del spec
    return trained
