"""A training run by trial and error: each step collects a rollout and learns from it.

In a compiled environment both are one step. On the host the rollout is gathered before it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
from jax.tree_util import Partial
from jaxtyping import Array, Key, PRNGKeyArray, PyTree

from ilkit.data.reward import Reward
from ilkit.data.training import Training, names_of
from ilkit.reinforcement.info import RewardedInfo
from ilkit.reinforcement.learnt_reward import Rewarded, collect_for, finish_for, improve_by
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.records import Rollout

T = TypeVar("T")
Collect = Callable[..., tuple[PyTree, Rollout]]
"""`collect(state, key=key) -> (state, rollout)`."""
Improve = Callable[..., tuple[PyTree, Any]]
"""`improve(state, rollout, key=key) -> (state, info)`, the info a named tuple of scalars."""


class Gathered(NamedTuple):
    """The state of a learner, and what was gathered for its next step."""

    learner: PyTree
    rollout: Rollout | None = None


def train_by_trial(
    envs: Any, state: PyTree, collect: Collect, improve: Improve, finish: Callable[[PyTree], T], **described: Any
) -> Training[T]:
    """The training run of a learner whose `collect` steps these environments; `described` are fields of it."""
    if isinstance(envs, HostEnvs):
        state, gather = Gathered(state), Partial(_gather, collect)
        return Training(state, Partial(_learn, improve), Partial(_finish, finish), gather=gather, **described)
    return Training(state, Partial(_collect_and_learn, collect, improve), finish, **described)


def train_by_reward(
    reward: Reward | None,
    discount: float,
    envs: Any,
    state: PyTree,
    collect: Collect,
    improve: Improve,
    finish: Callable[[PyTree], T],
    **described: Any,
) -> Training[T]:
    """The same where a reward that was learnt, if there is one, takes the place of the environment's.

    `improve` tells a `ReinforcementInfo`; what is told then is a `RewardedInfo`.
    """
    if reward is None:
        return train_by_trial(envs, state, collect, improve, finish, **described)
    return train_by_trial(
        envs,
        Rewarded(state, reward),
        Partial(collect_for, collect),
        Partial(improve_by, improve, discount),
        Partial(finish_for, finish),
        **described | {"info_names": names_of(RewardedInfo)},
    )


def _collect_and_learn(collect: Collect, improve: Improve, state: PyTree, key: PRNGKeyArray) -> tuple[PyTree, Any]:
    collect_key, improve_key = jax.random.split(key)
    state, rollout = collect(state, key=collect_key)
    return improve(state, rollout, key=improve_key)


def _gather(collect: Collect, state: Gathered, key: Key[Array, "*seeds"]) -> Gathered:
    return Gathered(*collect(state.learner, key=key))


def _learn(improve: Improve, state: Gathered, key: PRNGKeyArray) -> tuple[Gathered, Any]:
    learner, info = improve(state.learner, state.rollout, key=key)
    return Gathered(learner), info


def _finish(finish: Callable[[PyTree], T], state: Gathered) -> T:
    return finish(state.learner)
