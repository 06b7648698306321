"""Goals as gymnasium has them: entries of the dictionary that is observed (Plappert et al., 2018).

`observation` is what else there is to see, `achieved_goal` where one is, `desired_goal` where one is told to go, and
`steps_left`, where there is one, the share of an episode's steps that is left to get there.
"""

import warnings

from ilkit.data.spaces import Box, Dict, Space, described

OBSERVATION = "observation"
ACHIEVED = "achieved_goal"
DESIRED = "desired_goal"
STEPS_LEFT = "steps_left"

_REMEDY = (
    "Choose env.kind point_room, reach_grid or point_maze, or gymnasium with an environment that observes goals, or "
    "with env.gymnasium.goal; a recording gets them by dataset.file.goal."
)


def goal_faults(observation: Space) -> tuple[str, ...]:
    """What keeps goals from being drawn in hindsight: entries that are missing, or that differ."""
    entries = dict(observation.entries) if isinstance(observation, Dict) else {}
    missing = [name for name in (ACHIEVED, DESIRED) if name not in entries]
    if missing:
        return (f"observations must be a dict with {ACHIEVED} and {DESIRED}, got {described(observation)}. {_REMEDY}",)
    achieved, desired = (described(entries[name]) for name in (ACHIEVED, DESIRED))
    if achieved != desired:
        return (f"{DESIRED} must be what {ACHIEVED} is, {achieved}, got {desired}. Observe both alike.",)
    return ()


def warn_of_tolerance(tolerance: float, observation: Space) -> None:
    """Warns where goals of real numbers would have to be hit exactly."""
    entries = dict(observation.entries) if isinstance(observation, Dict) else {}
    goal = entries.get(DESIRED)
    if tolerance == 0 and isinstance(goal, Box) and goal.is_floating:
        warnings.warn(
            "A goal of real numbers is hit exactly by chance alone: nothing can succeed. Set tolerance above 0.",
            stacklevel=3,
        )
