"""The settings that make OGBench's navigate, stitch and explore data in the maze, as docs/goals.md gives them."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from jaxtyping import Array
from ruamel.yaml import YAML

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.env import point_maze
from ilkit.expert import wander, waypoints
from ilkit.math.floor_plan import steps_between
from ilkit.rollout.episodes import Episodes, rollout

KEY = jax.random.key(0)
EXPERTS: dict[str, Any] = {"waypoints": (waypoints, waypoints.Waypoints), "wander": (wander, wander.Wander)}
PAGE = Path(__file__).parents[2] / "docs/goals.md"


def told(name: str) -> dict[str, Any]:
    """The blocks of params.yaml under a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").split(f"### {name}\n")[1].split("### ")[0]
    found: dict[str, Any] = YAML(typ="safe").load(section.split("```yaml\n")[1].split("```")[0])
    return found


def made(name: str, **changes: Any) -> tuple[Demonstrations, point_maze.PointMazeEnvironment]:
    """A few of its episodes, shorter ones."""
    blocks = told(name)
    env = point_maze.PointMaze.model_validate({**blocks["env"]["point_maze"], **changes})
    world = Build("env", "point_maze", point_maze.env, env)
    kind = blocks["expert"]["kind"]
    module, spec = EXPERTS[kind]
    expert = module.expert(spec.model_validate(blocks["expert"][kind]), world, key=KEY)
    episodes = Episodes.model_validate({**blocks["rollout"]["episodes"], "num_episodes": 30})
    return rollout(episodes, world, expert, key=KEY), world()


def steps_to_goal(demos: Demonstrations, world: point_maze.PointMazeEnvironment) -> Array:
    """From cell to cell, how far each episode's first goal is from its start."""
    maze, first = world.maze(), demos.starts + np.arange(demos.num_episodes)
    here, there = (
        maze.numbers[tuple(np.floor((demos.obs[name][first] + 6.0) / 4.0).astype(int).T[::-1])]
        for name in (ACHIEVED, DESIRED)
    )
    return steps_between(maze.free)[here, there]


@pytest.mark.parametrize("name", ["navigate", "stitch", "explore"])
def test_labels_are_what_was_done(name: str) -> None:
    demos, world = made(name, layout=("#" * 12, *["#" + "." * 10 + "#"] * 10, "#" * 12), max_steps=60)
    assert demos.executed is None
    assert (np.abs(demos.actions) <= 1).all()
    assert (np.abs(demos.actions) == 1).mean() > 0.1  # noise went beyond the limits
    before, after = (np.asarray(side[ACHIEVED]) for side in (demos.before(), demos.after()))
    low, high = -2.0 + 1.5, -6.0 + 4.0 * 11 - 1.5
    clear = ((before > low) & (before < high)).all(axis=1)
    assert clear.mean() > 0.8
    np.testing.assert_allclose(after[clear], before[clear] + world.spec.speed * demos.actions[clear], atol=1e-5)
    assert demos.truncated.all()


def test_navigate_goes_on_to_another_goal() -> None:
    demos, world = made("navigate", speed=0.8, max_steps=200)
    before, after = demos.before(), demos.after()
    changed = (before[DESIRED] != after[DESIRED]).any(axis=1)
    assert changed.sum() > 30
    np.testing.assert_array_equal(changed, demos.rewards == 1)
    reached = np.linalg.norm(after[ACHIEVED][changed] - before[DESIRED][changed], axis=1)
    assert (reached <= world.spec.tolerance).all()
    assert steps_to_goal(demos, world).max() > 4


def test_stitch_is_short_and_its_goals_are_near() -> None:
    demos, world = made("stitch")
    assert set(steps_to_goal(demos, world)) <= {1, 2, 3, 4}
    np.testing.assert_array_equal(demos.before()[DESIRED], demos.after()[DESIRED])
    np.testing.assert_array_equal(demos.lengths, 200)
    assert (np.add.reduceat(demos.rewards, demos.starts) > 0).mean() > 0.9


def test_explore_keeps_a_direction_for_some_steps_whatever_the_goal() -> None:
    demos, _ = made("explore", layout="medium", max_steps=60)
    by_direction = demos.actions.reshape(30, 6, 10, 2).mean(axis=2)
    spread = by_direction.std(axis=(0, 1))
    assert (spread > 0.3).all()  # were directions drawn at every step, it would be a third of that
    assert told("explore")["expert"]["wander"]["period"] == 10
