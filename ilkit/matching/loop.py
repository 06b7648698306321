"""The loop of matching: trials, rewards that replace what they earned, and proximal policy optimization on these.

What gives the rewards, such as a discriminator, is part of the state: each training seed has its own. Environments may
be compiled or on the host, for rewards are replaced after a rollout was collected; the learning curve keeps the
environment's return.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, PyTree

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.reward import Imitation, Reward
from ilkit.data.training import Training, names_of
from ilkit.matching.spec import MatchingSpec
from ilkit.reinforcement import on_policy, proximal
from ilkit.reinforcement.by_trial import train_by_trial
from ilkit.reinforcement.on_policy import policy_of
from ilkit.stepping.behavior import Sampling
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.records import Rollout
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


class Judged(NamedTuple):
    """What rewards a rollout, after it has learnt from it."""

    adversary: PyTree
    rewards: Float[Array, "time envs"]
    """What each step earns, with what follows a termination."""
    told: Mapping[str, Float[Array, ""]]
    """The learning curves that aren't those of the policy, by name."""


Judge = Callable[..., Judged]
"""`judge(adversary, policy, rollout, ages, key=key)`, with the steps that each running episode had before."""


class MatchState(NamedTuple):
    """All that changes from one iteration to the next."""

    learning: on_policy.State
    adversary: PyTree
    ages: Int[Array, " envs"]
    """How many steps the running episode of each environment had when the last rollout began."""


def train_matching(
    spec: MatchingSpec,
    world: Environment | HostEnvironment,
    begin: Callable[..., tuple[Policy, PyTree]],
    judge: Judge,
    reward_of: Callable[[PyTree], Reward],
    info: type[Any],
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """The training run of a policy by what a judge gives for its trials.

    `begin(key=key)` makes the policy and what it is judged by; `reward_of` turns the latter into the reward that is
    kept. `info` is a named tuple of what proximal policy optimization tells and of the curves that the judge tells.
    """
    envs = side_by_side(world, spec.num_envs)
    return train_by_trial(
        envs,
        _initial_state(spec, envs, begin, key),
        Partial(_collect, spec, envs),
        Partial(_improve, spec, judge, info),
        Partial(_finish, reward_of),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs * spec.rollout_length,
        info_names=names_of(info),
    )


@eqx.filter_jit
def _initial_state(
    spec: MatchingSpec, envs: CompiledEnvs | HostEnvs, begin: Callable[..., tuple[Policy, PyTree]], key: PRNGKeyArray
) -> MatchState:
    begin_key, critic_key, env_key = jax.random.split(key, 3)
    policy, adversary = begin(key=begin_key)
    trials = envs.reset(key=env_key)
    learning = proximal.initial_state(spec, policy, Sampling(), None, trials, key=critic_key)
    return MatchState(learning, adversary, trials.log.length)


def _collect(
    spec: MatchingSpec, envs: CompiledEnvs | HostEnvs, state: MatchState, *, key: Key[Array, "*seeds"]
) -> tuple[MatchState, Rollout]:
    ages = state.learning.trials.log.length
    learning, rollout = on_policy.collect(spec, envs, state.learning, key=key)
    return state._replace(learning=learning, ages=ages), rollout


@eqx.filter_jit
def _improve(
    spec: MatchingSpec, judge: Judge, info: type[Any], state: MatchState, rollout: Rollout, *, key: PRNGKeyArray
) -> tuple[MatchState, Any]:
    judge_key, policy_key = jax.random.split(key)
    adversary, rewards, told = judge(state.adversary, policy_of(state.learning), rollout, state.ages, key=judge_key)
    judged = rollout._replace(outcome=rollout.outcome._replace(rewards=rewards))
    learning, known = proximal.improve(spec, state.learning, judged, key=policy_key)
    return state._replace(learning=learning, adversary=adversary), info(known, **told)


def _finish(reward_of: Callable[[PyTree], Reward], state: MatchState) -> Imitation:
    return Imitation(policy_of(state.learning), reward_of(state.adversary))
