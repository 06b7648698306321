"""Goals as gymnasium has them: entries of the dictionary that is observed (Plappert et al., 2018).

`observation` is what else there is to see, `achieved_goal` where one is, `desired_goal` where one is told to go, and
`steps_left`, where there is one, the share of an episode's steps that is left to get there.
"""

from ilkit.data.spaces import Dict, Space, described

ACHIEVED = "achieved_goal"
DESIRED = "desired_goal"
STEPS_LEFT = "steps_left"


def goal_faults(observation: Space) -> tuple[str, ...]:
    """What keeps goals from being drawn in hindsight: entries that are missing, or that differ."""
    entries = dict(observation.entries) if isinstance(observation, Dict) else {}
    missing = [name for name in (ACHIEVED, DESIRED) if name not in entries]
    if missing:
        return (
            f"observations must be a dict with {ACHIEVED} and {DESIRED}, got {described(observation)}. Choose env.kind "
            "point_room or reach_grid, or an environment of gymnasium that observes goals.",
        )
    achieved, desired = (described(entries[name]) for name in (ACHIEVED, DESIRED))
    if achieved != desired:
        return (f"{DESIRED} must be what {ACHIEVED} is, {achieved}, got {desired}. Observe both alike.",)
    return ()
