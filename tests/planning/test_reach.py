"""Goals that are too far for an episode are found before anything runs."""

from typing import Any

import pytest

from ilkit import stages
from ilkit.planning.building import building_faults
from ilkit.planning.plan import Plan
from ilkit.running.check import notes
from ilkit.wiring.tracing import trace


def shown(params: Any) -> Any:
    return stages.rollout(params.rollout, params.env, stages.expert(params.expert, params.env))


def told(env: Any) -> tuple[list[str], list[str]]:
    chosen: dict[str, Any] = {"env": env, "expert": {"waypoints": {}}, "rollout": {"episodes": {}}}
    blocks = {block: {"kind": next(iter(kinds)), **kinds} for block, kinds in chosen.items()}
    plan = Plan(trace(shown), {"seed": 0, "num_threads": 1, **blocks})
    return list(building_faults(plan)), list(notes(plan))


@pytest.mark.parametrize(("max_steps", "num_faults", "num_notes"), [(44, 0, 0), (43, 0, 1), (12, 0, 1), (11, 1, 0)])
def test_pairs_that_are_too_far_apart_are_told(max_steps: int, num_faults: int, num_notes: int) -> None:
    maze = {"layout": ["######", "#....#", "######"], "jitter": 0.0, "speed": 0.25, "max_steps": max_steps}
    faults, remarks = told({"point_maze": maze})  # 12, 28 and 44 steps of a quarter, less the tolerance of 1
    assert (len(faults), len(remarks)) == (num_faults, num_notes)
    for one in (*faults, *remarks):
        assert one.startswith("env.point_maze.max_steps: must be enough to get from a start to its goal, got ")
        assert "Raise it to 44 or more, or choose pairs that are nearer." in one
