"""Soft actor-critic that starts from a clone (Haarnoja et al., Soft Actor-Critic Algorithms and Applications, 2018).

The clone's samples are paid for their value and their entropy; `ilkit.off_policy.soft_actor` has the equations. The
temperature that the entropy is paid at is learnt. Explored is by `own_density`, or by noise of another kind.
"""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.reward import Reward
from ilkit.data.training import Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.off_policy.learning import reinforce
from ilkit.off_policy.soft_actor import SOFT_RULES, SoftSpec
from ilkit.stepping.behavior import Behavior


class SAC(SoftSpec):
    """Soft actor-critic, started from the clone (Haarnoja et al., 2018)."""

    kind: Literal["sac"] = "sac"


def finetune(
    spec: SAC,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    reward: Reward | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Improves the clone's samples by soft actor-critic.

    **Raises:** `DataError` where the clone has no density whose samples are differentiable and within the bounds, has a
    memory or doesn't fit the environment, and where the reward or demonstrations that are asked for don't suit.
    """
    world, behavior = env(), exploration(cloned.spaces, uncertainty=uncertainty)
    return reinforce(spec, SOFT_RULES, world, behavior, cloned, demos, reward, key=key)
