"""What the runner remarks on a training run that has ended."""

from collections.abc import Mapping

import numpy as np

from ilkit.data.environment import Environment, GoalRewarding
from ilkit.measuring.remarks import remarks
from ilkit.planning.plan import Call


def remarks_on(call: Call, curves: Mapping[str, np.ndarray]) -> list[str]:
    """What is no error, but should be known of the run of a stage that learns by trial and error."""
    if "departure" not in curves or "env" not in call.parts:
        return []
    world = call.parts["env"]()
    goal = isinstance(world, Environment) and isinstance(world, GoalRewarding)
    return remarks(curves, clone_weight=getattr(call.spec, "clone_weight", None), has_goal=goal)
