"""What a format can't hold of demonstrations, in sentences."""

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box
from ilkit.errors import counted


def lost_ends(demos: Demonstrations) -> list[str]:
    """Episodes that neither terminated nor were truncated: every format makes them truncated."""
    count = int((~demos.terminated & ~demos.truncated).sum())
    return [f"{counted(count, 'episode')} that neither terminated nor were truncated will count as truncated."] * (
        count > 0
    )


def lost_weights(demos: Demonstrations) -> list[str]:
    """The weights of steps, which no format has a place for."""
    if demos.weights is None:
        return []
    return [
        f"That {demos.num_counted} of {counted(demos.num_steps, 'step')} count is lost: all will. Thin them out again "
        "when you have imported them."
    ]


def lost_bounds(demos: Demonstrations) -> list[str]:
    """The bounds of the spaces, for formats that have no place for them."""
    found = []
    seen = demos.spaces.observation
    if isinstance(seen, Box) and np.isfinite(seen.bounds).any():
        found.append("The bounds of the observations are lost.")
    action = demos.spaces.action
    if isinstance(action, Box) and np.isfinite(action.bounds).any():
        found.append("The bounds of the actions are lost; give action_low and action_high when you import it again.")
    if not isinstance(action, Box) and (not demos.actions.size or int(demos.actions.max()) + 1 < action.size):
        found.append(f"That there are {action.size} actions is lost, for the last of them never occurs.")
    return found


def lost_rewards(demos: Demonstrations) -> list[str]:
    """Rewards that weren't recorded."""
    missing = np.isnan(demos.rewards).any()
    return ["Rewards that weren't recorded are written as NaN."] if missing else []
