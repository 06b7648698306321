"""The control of matching: a reward of +1 or -1 for every step, whatever happens in it.

Nothing of the demonstrations is in it but the scale of what is observed. Where a learnt reward of one sign does no
better, it was the sign that was learnt from: a positive one keeps an episode alive, a negative one ends it.
"""

from typing import Literal

import equinox as eqx
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.reward import Imitation, Reward
from ilkit.data.spaces import Spaces
from ilkit.data.training import Training
from ilkit.data.windows import Transitions
from ilkit.errors import refuse
from ilkit.matching.demonstrated import check_matched_spaces
from ilkit.matching.loop import Judged, train_matching
from ilkit.matching.spec import MatchingSpec
from ilkit.reinforcement.info import RewardedInfo
from ilkit.stepping.records import Rollout


class Constant(MatchingSpec):
    """The same reward for every step, and nothing of the demonstrations: the control of matching."""

    kind: Literal["constant"] = "constant"
    reward: Literal["positive", "negative"] = "positive"
    """+1 or -1 a step; what follows a termination is worth 0."""


class ConstantReward(Reward):
    """The same for every step."""

    value: Float[Array, ""]
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True)

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        """+1 or -1."""
        return self.value


def match(
    spec: Constant,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """Trains a policy by the constant reward.

    **Raises:** `DataError` where the policy has no density or a memory, or where the demonstrations were recorded in
    other spaces than the environment's.
    """
    world = env()
    check_matched_spaces(world.spaces, demos, spec.kind)
    begin = Partial(_begin, spec, policy, demos.spaces, demos.transitions())
    return train_matching(spec, world, begin, Partial(_judge), Partial(_reward_of), RewardedInfo, key=key)


def _begin(
    spec: Constant, policy: Build[Policy], spaces: Spaces, transitions: Transitions, *, key: PRNGKeyArray
) -> tuple[Policy, ConstantReward]:
    initial = policy(spaces, key=key).fitted(transitions)
    refuse("match.constant", spec.policy_faults(initial, {}))
    value = jnp.asarray(1.0 if spec.reward == "positive" else -1.0)
    return initial, ConstantReward(value=value, spaces=spaces, reads_action=False)


def _judge(
    reward: ConstantReward, policy: Policy, rollout: Rollout, ages: Int[Array, " envs"], *, key: PRNGKeyArray
) -> Judged:
    del policy, ages, key
    return Judged(reward, jnp.full_like(rollout.outcome.rewards, reward.value), {"learnt_reward": reward.value})


def _reward_of(reward: ConstantReward) -> ConstantReward:
    return reward
