"""Imitation bootstrapped reinforcement (Hu et al., Imitation Bootstrapped Reinforcement Learning, 2023).

Whatever the actor μ has learnt so far, the clone's action is there to be chosen where its value is higher, in acting
and in the targets of the critics:

    act by argmax Q'(s, a) over a ∈ {a_clone(s), μ(s)},
    y = r + γ (1 - terminated) max Q'(s', a') over a' ∈ {a_clone(s'), clip(μ'(s') + clip(ε, -c, c))},

with Q' the least of a few of the critics' slow copies. The actor starts as the clone and climbs as that of td3
(`ilkit.off_policy.deterministic_actor`). What comes out chooses as well: it holds both policies and the critics.
Noise of the exploration is added to the action that was chosen.
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import PositiveFloat

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.off_policy.actions import bounds_of
from ilkit.off_policy.better_of import BetterOf
from ilkit.off_policy.critics import least_values
from ilkit.off_policy.deterministic_actor import (
    DeterministicSpec,
    actor_of,
    climbing_loss,
    no_noise,
    smoothing_noise,
    target_actions,
    whole_actor,
)
from ilkit.off_policy.learning import reinforce
from ilkit.off_policy.updates import Batch, Learner, Rules, State
from ilkit.stepping.behavior import Behavior, modes


class IBRL(DeterministicSpec):
    """Acting and bootstrapping by the better of the clone and an actor that started as it (Hu et al., 2023)."""

    kind: Literal["ibrl"] = "ibrl"
    clone_half_life: PositiveFloat | None = 300.0
    """Steps of every environment after the warm-up in which the cost of a departure halves; none where it stays."""


def finetune(
    spec: IBRL,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Improves the clone by an actor that takes over where the critics prefer it.

    **Raises:** `DataError` where actions are discrete, the clone doesn't fit the environment or has a memory, and where
    demonstrations are asked for and don't suit.
    """
    world, behavior = env(), exploration(cloned.spaces, uncertainty=uncertainty)
    return reinforce(spec, _RULES, world, behavior, cloned, demos, key=key)


def _policy(state: State) -> Policy:
    clone = state.start
    return BetterOf(
        spaces=clone.spaces,
        normalizer=clone.normalizer,
        clone=clone,
        actor=actor_of(state),
        critics=state.learner.slow.critics,
    )


def _targets(spec: IBRL, state: State, learner: Learner, batches: Batch) -> Float[Array, "updates batch"]:
    steps = batches.steps
    cloned = jnp.clip(jax.vmap(partial(modes, state.start))(steps.next_obs), *bounds_of(state.fixed))

    def value(actions: Float[Array, "updates batch act"]) -> Float[Array, "updates batch"]:
        slow, scale = learner.slow.critics, learner.scale
        return least_values(slow, scale, state.fixed, steps.next_obs, actions, batches.subset)

    better = jnp.maximum(value(cloned), value(target_actions(spec, state, learner, batches)))
    return steps.rewards + spec.discount * (1.0 - steps.terminated) * better


_RULES = Rules(
    policy=Partial(_policy),
    targets=Partial(_targets),
    actor_loss=Partial(climbing_loss),
    noise=Partial(smoothing_noise),
    actor_noise=Partial(no_noise),
    actor=Partial(whole_actor),
    slow_actor=True,
)
