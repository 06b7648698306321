"""Goal-conditioned behavioral cloning: what an action led to later is the goal that it is a demonstration for.

Minimizes E[loss(π, (s_t, g), a_t)] with the goal g drawn anew whenever a step is learnt from: by the shares `current`,
`future` and `random`, it is the present state, one that the episode achieves later, or one of another episode (Lynch et
al., Learning latent plans from play, 2019; Ghosh et al., 2019; Park et al., OGBench, 2025). What was told to be the
goal when the data were recorded plays no part.
"""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.fitting.goal_cloning import GoalCloningSpec, clone_towards_goals


class GCBC(GoalCloningSpec):
    """Cloning towards goals that are drawn in hindsight, from what was achieved (Lynch et al., 2019)."""

    kind: Literal["gcbc"] = "gcbc"


def imitate(spec: GCBC, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray) -> Training[Policy]:
    """Fits a policy to the demonstrations and what they achieved.

    **Raises:** `DataError` where nothing is known of what was achieved, or a setting doesn't fit the episodes.
    """
    return clone_towards_goals(spec, "imitate.gcbc", policy, demos, key=key)
