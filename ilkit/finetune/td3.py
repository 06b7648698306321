"""Twin delayed deep deterministic policy gradients that start from a clone (Fujimoto et al., 2018).

With the clone's mode as the actor μ, two critics Q_1 and Q_2, slowly following copies μ', Q' and a replay buffer:

    y = r + γ (1 - terminated) min_i Q'_i(s', clip(μ'(s') + clip(ε, -c, c))),    ε ~ N(0, σ²),
    Q_i ← argmin E[(Q_i(s, a) - y)²],    ∇J = E[∇_a Q_1(s, a) ∇_θ μ_θ(s)] at a = clip(μ_θ(s)),

where ∇_a Q_1 is dropped where it points out of the action space. The actor moves once for several steps of the critics.
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import NonNegativeFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.reinforcement.actions import ascent_within, bounds_of, units_of
from ilkit.reinforcement.critics import least_values, outputs_of
from ilkit.reinforcement.off_policy import reinforce
from ilkit.reinforcement.off_policy_spec import OffPolicySpec
from ilkit.reinforcement.updates import Batch, Learner, Rules, State
from ilkit.stepping.behavior import Behavior, modes, smoothness_faults


class TD3(OffPolicySpec):
    """Twin delayed deterministic policy gradients, started from the clone (Fujimoto et al., 2018)."""

    kind: Literal["td3"] = "td3"
    target_noise: NonNegativeFloat = 0.2
    """σ: the standard deviation of noise on the target's actions, in half ranges of the action space."""
    target_noise_clip: NonNegativeFloat = 0.5
    """c: where that noise is cut, in half ranges of the action space."""
    policy_delay: PositiveInt = 2
    """Updates of the critics for one of the actor and of the slow copies."""
    clone_weight: NonNegativeFloat | None = None
    """What a squared departure from the clone costs, in half ranges, against a standardized value; none by default."""

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
    def _check_rounds(self) -> "TD3":
        if (updates := self.num_envs * self.updates_per_env_step) % self.policy_delay:
            raise ValueError(f"num_envs times updates_per_env_step must be a multiple of policy_delay, got {updates}")
        return self


def finetune(
    spec: TD3,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Improves the clone's mode by twin delayed deterministic policy gradients.

    **Raises:** `DataError` where actions are discrete, or the clone doesn't fit the environment or has a memory.
    """
    world, behavior = env(), exploration(cloned.spaces, uncertainty=uncertainty)
    return reinforce(spec, _RULES, world, behavior, cloned, demos, key=key)


def _policy(state: State) -> Policy:
    policy: Policy = eqx.combine(state.learner.networks.actor, state.fixed)
    return policy


def _actor(spec: TD3, trained: PyTree) -> PyTree:
    del spec
    return trained


def _actor_noise(spec: TD3, state: State, shape: tuple[int, ...], *, key: PRNGKeyArray) -> tuple[()]:
    del spec, state, shape, key
    return ()


def _noise(spec: TD3, state: State, shape: tuple[int, ...], *, key: PRNGKeyArray) -> Float[Array, "*shape act"]:
    del spec
    return jax.random.normal(key, (math.prod(shape) * state.fixed.spaces.action.size,)).reshape(*shape, -1)


def _targets(spec: TD3, state: State, learner: Learner, batches: Batch) -> Float[Array, "updates batch"]:
    steps, fixed, reach = batches.steps, state.fixed, spec.target_noise_clip
    policy: Policy = eqx.combine(learner.slow.actor, fixed)
    smoothing = units_of(fixed).half_range * jnp.clip(spec.target_noise * batches.noise, -reach, reach)
    actions = jnp.clip(jax.vmap(partial(modes, policy))(steps.next_obs) + smoothing, *bounds_of(fixed))
    next_values = least_values(learner.slow.critics, learner.scale, fixed, steps.next_obs, actions, batches.subset)
    return steps.rewards + spec.discount * (1.0 - steps.terminated) * next_values


def _actor_loss(
    actor: PyTree, spec: TD3, state: State, learner: Learner, obs: PyTree, noise: tuple[()]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    del spec, noise
    first = jax.tree.map(lambda leaf: leaf[:1], learner.networks.critics)

    def value(actions: Float[Array, "batch act"]) -> Float[Array, ""]:
        return jnp.sum(outputs_of(first, state.fixed, obs, actions))

    actions = modes(eqx.combine(actor, state.fixed), obs)
    total, ascent = ascent_within(value, actions, *bounds_of(state.fixed))
    if state.anchor is not None:
        departure = (actions - modes(state.anchor.policy, obs)) / units_of(state.fixed).half_range
        ascent -= state.anchor.weight * jnp.sum(departure**2)
    return -ascent / len(actions), -learner.scale.values(total / len(actions))


_RULES = Rules(
    policy=Partial(_policy),
    targets=Partial(_targets),
    actor_loss=Partial(_actor_loss),
    noise=Partial(_noise),
    actor_noise=Partial(_actor_noise),
    actor=Partial(_actor),
    slow_actor=True,
)
