"""Learning by trial from a reward that was learnt, in place of the environment's.

It replaces what a rollout earned once that was collected, r(s, a, s') and what follows a termination, so that it is the
same wherever the environment runs; episodes keep the return that the environment gives them. A learnt reward differs
between seeds, so that it is part of the state.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree

from ilkit.data.reward import Reward, check_reward
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import refuse
from ilkit.reinforcement.info import ReinforcementInfo, RewardedInfo
from ilkit.stepping.records import Rollout


class Rewarded(NamedTuple):
    """The state of a learner, and the reward that it learns from."""

    learner: PyTree
    reward: Reward


def earned(reward: Reward, rollout: Rollout, discount: float | Float[Array, ""]) -> Float[Array, "time envs"]:
    """What each step of a rollout earned by a reward, for the actions that the environment executed."""

    def earn(obs: PyTree, action: Array, next_obs: PyTree, terminated: Array) -> Float[Array, ""]:
        return reward.earned(obs, executed(reward, action), next_obs, terminated, discount=discount)

    outcome = rollout.outcome
    return jax.vmap(jax.vmap(earn))(rollout.obs, rollout.actions, outcome.next_obs, outcome.terminated)


def executed(reward: Reward, action: Array) -> Array:
    """An action within the bounds of the space that the reward was learnt in; any other, where it reads none."""
    space = reward.spaces.action
    if not reward.reads_action or not isinstance(space, Box):
        return action
    return jnp.clip(action, *np.asarray(space.bounds, np.float32))


def collect_for(
    collect: Callable[..., tuple[PyTree, Rollout]], state: Rewarded, *, key: Key[Array, "*seeds"]
) -> tuple[Rewarded, Rollout]:
    """Collects a rollout as the learner does."""
    learner, rollout = collect(state.learner, key=key)
    return state._replace(learner=learner), rollout


def improve_by(
    improve: Callable[..., tuple[PyTree, ReinforcementInfo]],
    discount: float | Float[Array, ""],
    state: Rewarded,
    rollout: Rollout,
    *,
    key: PRNGKeyArray,
) -> tuple[Rewarded, RewardedInfo]:
    """Learns from a rollout as if the environment had given the reward."""
    rewards = earned(state.reward, rollout, discount)
    paid = rollout._replace(outcome=rollout.outcome._replace(rewards=rewards))
    learner, info = improve(state.learner, paid, key=key)
    return state._replace(learner=learner), RewardedInfo(info, jnp.mean(rewards))


def finish_for(finish: Callable[[PyTree], Any], state: Rewarded) -> Any:
    """What the learner makes."""
    return finish(state.learner)


def check_learnt(reward: Reward | None, spaces: Spaces, spec: Any) -> None:
    """Checks that a learnt reward, if there is one, can be maximized in an environment with these spaces.

    **Raises:** `DataError` where it was learnt in others, or where what follows a termination would be worth no finite
    sum at the discount of the spec.
    """
    if reward is None:
        return
    check_reward(reward, spaces)
    refuse(f"finetune.{spec.kind}", spec.input_faults(("demos", "reward")))
    if reward.has_absorbing and spec.discount == 1.0:
        refuse(f"finetune.{spec.kind}", (INFINITE,))


INFINITE = (
    "discount: must be below 1 where the reward was learnt with absorbing states, got 1: what follows a termination "
    "would be worth an infinite sum. Lower discount, or learn the reward with absorbing_states: false."
)
