"""Soft Q imitation learning (Reddy et al., SQIL: Imitation by Reinforcement Learning with Sparse Rewards, 2020).

Demonstrated steps earn 1 and one's own earn 0, as many of each in every batch of an off-policy learner of soft values:
what was demonstrated is worth returning to. Discrete actions are learnt by soft Q-learning
(`ilkit.soft_imitation.soft_q`), continuous ones by soft actor-critic (`ilkit.off_policy.soft_actor`). The reward that
explains the values is kept,

    r(s, a) = Q(s, a) - γ V(s').

Rewards of 0 and 1 have a sign: staying alive near what was demonstrated would beat reaching a goal. With absorbing
states (`ilkit.soft_imitation.absorbed`) a terminated episode goes on in one, which demonstrations reward as well.
"""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.reward import Imitation
from ilkit.data.training import Training
from ilkit.errors import refuse
from ilkit.matching.demonstrated import check_matched_spaces
from ilkit.soft_imitation.learning import match_softly
from ilkit.soft_imitation.soft_actor_learning import SOFT_ACTOR_CRITIC
from ilkit.soft_imitation.soft_q_learning import SOFT_Q
from ilkit.soft_imitation.spec import SoftImitationSpec


class SQIL(SoftImitationSpec):
    """Soft Q imitation: demonstrated steps earn 1, one's own 0 (Reddy et al., 2020)."""

    kind: Literal["sqil"] = "sqil"


def match(
    spec: SQIL,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """Trains values, and a policy that follows them.

    **Raises:** `DataError` where the form doesn't suit the actions or the policy, where an absorbing state would be
    worth an infinite sum, or where the demonstrations were recorded in other spaces than the environment's.
    """
    world = env()
    check_matched_spaces(world.spaces, demos, spec.kind)
    refuse("match.sqil", spec.faults(world))
    form = SOFT_Q if spec.form == "soft_q" else SOFT_ACTOR_CRITIC
    return match_softly(spec, form, policy, world, demos, key=key)
