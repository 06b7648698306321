"""Maximum causal entropy inverse reinforcement learning (Ziebart, Bagnell and Dey, 2010).

Of all policies that visit states as often as was demonstrated, the one with the largest causal entropy is the soft
policy of a reward, π_t = exp(Q_t - V_t) with Q_t = r + E[V_{t+1}]; the reward is found by matching the visits. Chance
stays what it is: what the dynamics do is neither wanted nor unwanted. The policy depends on the time that is left.

The environment has to be tabular, and is never stepped. The `policy` part isn't used: the policy is a table as well.
"""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.reward import Imitation
from ilkit.data.training import Training
from ilkit.matching.tables import TablesSpec, match_tables


class MCE(TablesSpec):
    """Maximum causal entropy: the reward whose soft policy visits what was demonstrated (Ziebart et al., 2010)."""

    kind: Literal["mce"] = "mce"


def match(
    spec: MCE,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """Fits the reward; see `match_tables` for what it raises."""
    del policy
    return match_tables(spec, env, demos, causal=True, key=key)
