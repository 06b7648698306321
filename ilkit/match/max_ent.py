"""Maximum entropy inverse reinforcement learning over paths (Ziebart, Maas, Bagnell and Dey, 2008).

The reward is fitted such that the path distribution P(τ) ∝ exp(Σ r(s_t)) Π T(s_{t+1} | s_t, a_t) visits states as
often as was demonstrated. Where dynamics are deterministic this is `mce`. Where they aren't, it is biased: a path to
something good becomes more probable than the dynamics make it, as if luck could be chosen, and the policy that follows
takes risks and visits something else than was demonstrated. It is here to show that; use `mce`.

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


class MaxEnt(TablesSpec):
    """Maximum entropy over paths, which is biased where dynamics are stochastic (Ziebart et al., 2008)."""

    kind: Literal["max_ent"] = "max_ent"


def match(
    spec: MaxEnt,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """Fits the reward; see `match_tables` for what it raises."""
    del policy
    return match_tables(spec, env, demos, causal=False, key=key)
