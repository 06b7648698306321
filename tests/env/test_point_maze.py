"""The point maze, and what OGBench 1.2.2 (with MuJoCo) was measured to do in the same places."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float
from pydantic import ValidationError

from ilkit.data.environment import Drawable, GoalReaching, GoalRewarding, Mapped
from ilkit.data.goal_entries import ACHIEVED, DESIRED, STEPS_LEFT, goal_faults
from ilkit.data.maze import MazeForm
from ilkit.env.point_maze import MazeState, PointMaze, PointMazeEnvironment, env
from ilkit.math.mazes import LAYOUTS
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy

KEY = jax.random.key(0)
CORRIDOR = ("#####", "#...#", "#####")


def made(**settings: object) -> PointMazeEnvironment:
    built = env(PointMaze(**settings))  # type: ignore[arg-type]
    assert isinstance(built, PointMazeEnvironment)
    return built


def went(
    maze: PointMazeEnvironment, start: tuple[float, float], actions: list[tuple[float, float]]
) -> Float[np.ndarray, "steps 2"]:
    def step(state: MazeState, action: Array) -> tuple[MazeState, Array]:
        after, _ = maze.step(state, action, key=KEY)
        return after, after.place

    first = MazeState(jnp.asarray(start), jnp.full(2, 99.0), jnp.zeros(()))
    return np.asarray(jax.lax.scan(step, first, jnp.asarray(actions))[1])


def starts_and_goals(maze: PointMazeEnvironment, count: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    states = jax.vmap(lambda key: maze.reset(key=key))(jax.random.split(KEY, count))
    return np.asarray(states.place), np.asarray(states.goal)


def test_away_from_walls_a_step_is_that_of_ogbench() -> None:
    actions = [(0.02, 0.9), (-0.71, 0.9), (-0.38, -0.15), (0.66, -0.18), (0.1, -0.94), (0.51, 0.08), (-0.34, 0.58)]
    measured = [(0.004, 0.18), (-0.138, 0.36), (-0.214, 0.33), (-0.082, 0.294), (-0.062, 0.106), (0.04, 0.122)]
    np.testing.assert_allclose(went(made(), (0.0, 0.0), actions), [*measured, (-0.028, 0.238)], atol=1e-5)


@pytest.mark.parametrize(
    ("start", "action", "measured", "apart"),
    [
        ((-1.2, 0.0), (-1.0, 0.5), [(-1.317722, 0.1), (-1.338584, 0.2), (-1.342281, 0.3), (-1.342936, 0.4)], 1e-5),
        ((3.0, 6.8), (-1.0, -0.5), [(2.8, 6.7), (2.682278, 6.6), (2.661416, 6.5), (2.657719, 6.4)], 1e-5),
        ((2.6, 5.4), (-1.0, 1.0), [(2.478144, 5.521856)], 1e-5),
        ((2.3, 5.1), (0.3, 1.0), [(2.36, 5.3), (2.444876, 5.470385), (2.571741, 5.626732), (2.667391, 5.816954)], 1e-5),
        ((-1.2, -1.2), (-1.0, -1.0), [(-1.318539, -1.318539), (-1.340516, -1.340516), (-1.34459, -1.34459)], 3e-3),
    ],
    ids=["wall", "wall_behind_a_corner", "into_a_corner", "around_a_corner", "between_walls"],
)
def test_walls_push_as_in_ogbench(
    start: tuple[float, float], action: tuple[float, float], measured: list[tuple[float, float]], apart: float
) -> None:
    np.testing.assert_allclose(went(made(), start, [action] * len(measured)), measured, atol=apart)


@pytest.mark.parametrize("speed", [0.2, 1.0])
def test_nobody_gets_through_walls(speed: float) -> None:
    maze = made(layout="large", at_goal="stay", speed=speed, max_steps=300)
    run = collect_episodes(maze, RandomPolicy.of(maze.spaces), num_episodes=64, key=KEY, stochastic=True)
    column, up = np.floor((run.obs["observation"] + 6.0) / 4.0).astype(int).transpose(2, 0, 1)
    assert np.asarray(maze.maze().free)[::-1][up, column].all()


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_tasks_are_those_of_ogbench(layout: str) -> None:
    maze = made(layout=layout, pairs="tasks", jitter=0.0)
    measured = {  # the first task of each, x and y of its start and its goal
        "arena": ((0, 0), (20, 20)),
        "medium": ((0, 0), (20, 20)),
        "large": ((0, 0), (36, 24)),
        "giant": ((0, 0), (52, 36)),
        "teleport": ((36, 0), (0, 24)),
    }
    np.testing.assert_array_equal(maze.middles[maze.pairs[0]], measured[layout])
    starts, goals = starts_and_goals(maze, 200)
    found = np.unique(np.concatenate([starts, goals], axis=1), axis=0)
    assert len(found) == len(maze.pairs) == (1 if layout == "arena" else 5)


def test_starts_and_goals_are_spread_around_the_middles_of_two_cells() -> None:
    starts, goals = starts_and_goals(made(jitter=1.0))
    for places in (starts, goals):
        away = places - 4.0 * np.round(places / 4.0)
        assert np.abs(away).max() <= 1.0
        assert away.std(axis=0) == pytest.approx(1.0 / np.sqrt(3.0), rel=0.1)
    assert (np.round(starts / 4.0) != np.round(goals / 4.0)).any(axis=1).all()
    assert len(np.unique(np.round(goals / 4.0), axis=0)) == 26


def test_pairs_are_those_asked_for() -> None:
    pairs = {
        name: {tuple(pair) for pair in np.asarray(made(pairs=name).pairs).tolist()}
        for name in ("all", "near", "train", "held_out", "from_first")
    }
    assert len(pairs["all"]) == 26 * 25
    assert pairs["train"] | pairs["held_out"] == pairs["all"]
    assert not pairs["train"] & pairs["held_out"]
    assert len(pairs["held_out"]) == 26 * 5
    assert pairs["near"] < pairs["all"]
    starts, goals = starts_and_goals(made(pairs="from_first", jitter=0.0))
    assert (starts == 0.0).all()
    assert len(np.unique(goals, axis=0)) == 25
    starts, goals = starts_and_goals(made(pairs="near", near_steps=1, jitter=0.0))
    np.testing.assert_array_equal(np.abs(starts - goals).sum(axis=1), 4.0)


def test_at_the_goal_an_episode_ends_or_gets_another_goal_or_goes_on() -> None:
    there = MazeState(jnp.asarray([0.0, 0.0]), jnp.asarray([0.9, 0.0]), jnp.zeros(()))
    action = jnp.asarray([1.0, 0.0])
    for at_goal in ("terminate", "new_goal", "stay"):
        maze = made(at_goal=at_goal)
        after, (reward, terminated) = maze.step(there, action, key=KEY)
        assert reward == 1.0
        assert bool(terminated) == (at_goal == "terminate")
        assert (after.goal == there.goal).all() == (at_goal != "new_goal")
        away = there._replace(goal=jnp.asarray([1.3, 0.0]))
        _, (reward, terminated) = maze.step(away, action, key=KEY)
        assert reward == 0.0
        assert not terminated


def test_another_goal_is_one_of_those_paired_with_the_cell() -> None:
    maze = made(pairs="held_out", at_goal="new_goal", jitter=0.0)
    start = maze.middles[maze.pairs[7, 0]]
    there = MazeState(start, start, jnp.zeros(()))
    after = jax.vmap(lambda key: maze.step(there, jnp.zeros(2), key=key)[0].goal)(jax.random.split(KEY, 300))
    paired = np.asarray(maze.pairs)[np.asarray(maze.pairs)[:, 0] == maze.pairs[7, 0], 1]
    expected = np.unique(np.asarray(maze.middles)[paired], axis=0)
    np.testing.assert_array_equal(np.unique(after, axis=0), expected)


def test_an_entrance_takes_to_any_exit() -> None:
    maze = made(layout="teleport", tolerance=1.5)
    entrance = np.asarray(maze.entrances[0])
    near = MazeState(jnp.asarray((entrance[0], entrance[1] + 1.6)), jnp.asarray(entrance), jnp.zeros(()))
    down = jnp.asarray([0.0, -1.0])
    after, (reward, terminated) = jax.vmap(lambda key: maze.step(near, down, key=key))(jax.random.split(KEY, 300))
    assert reward.all()  # it was at the goal before it was taken elsewhere
    assert terminated.all()
    places, counts = np.unique(after.place, axis=0, return_counts=True)
    np.testing.assert_array_equal(places, np.unique(maze.exits, axis=0))
    assert counts.min() > 70
    still, _ = maze.step(near, jnp.zeros(2), key=KEY)
    np.testing.assert_array_equal(still.place, near.place)


def test_it_has_goals_and_shows_what_is_left_of_an_episode_where_that_is_asked_for() -> None:
    maze = made(layout=CORRIDOR, show_horizon=True, max_steps=10, at_goal="stay")
    for protocol in (Drawable, GoalReaching, GoalRewarding, Mapped, MazeForm):
        assert isinstance(maze, protocol)
    assert goal_faults(maze.spaces.observation) == ()
    assert maze.goal_tolerance == 1.0
    run = collect_episodes(maze, RandomPolicy.of(maze.spaces), num_episodes=4, key=KEY, stochastic=True)
    np.testing.assert_allclose(run.obs[STEPS_LEFT][..., 0], np.tile(np.linspace(1, 0, 11), (4, 1)), atol=1e-6)
    np.testing.assert_array_equal(run.obs[ACHIEVED], run.obs["observation"])
    assert (run.obs[DESIRED] == run.obs[DESIRED][:, :1]).all()
    assert STEPS_LEFT not in dict(made(layout=CORRIDOR).spaces.observation.entries)


def test_the_chart_shows_the_map_and_where_an_observation_lies() -> None:
    maze = made(layout=("######", "#....#", "####.#", "######"), pairs="tasks", tasks=(((2, 4), (1, 1)),))
    picture, (left, right, lower, upper) = maze.chart(80)
    assert (left, right, lower, upper) == (-6.0, 18.0, -6.0, 10.0)
    bright = np.asarray(picture, int).sum(axis=-1)[10::20, 10::20] > 500
    np.testing.assert_array_equal(bright, maze.maze().free)
    state = maze.reset(key=KEY)
    x, y = np.asarray(maze.position(maze.observe(state)))
    blue = np.argwhere(np.abs(np.asarray(maze.frame(state, 80), int) - (52, 107, 179)).sum(axis=-1) < 40).mean(axis=0)
    assert (blue[1] + 0.5) / 120 == pytest.approx((x - left) / (right - left), abs=0.02)
    assert (blue[0] + 0.5) / 80 == pytest.approx((upper - y) / (upper - lower), abs=0.02)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"layout": ("###", "#..", "###")}, "layout: it must be closed by walls, but row 1, column 2"),
        (
            {"layout": ("#####", "#.#.#", "#####")},
            "layout: every free cell must be reachable .* but row 1, column 1 isn't from row 1, column 3",
        ),
        ({"layout": ("####", "#. #", "####")}, "layout: it must be of # .wall. and . .free. alone, got ' '"),
        ({"layout": "small"}, "arena"),
        ({"layout": CORRIDOR, "pairs": "tasks"}, "tasks: must be given where pairs is tasks"),
        ({"tasks": (((0, 0), (1, 1)),)}, "the start of number 0, row 0, column 0, is a wall"),
        (
            {"tasks": (((1, 1), (1, 2)), ((1, 1), (9, 1)))},
            "the goal of number 1, row 9, column 1, is a wall or outside",
        ),
        ({"tasks": (((1, 1), (1, 1)),)}, "of number 0 row 1, column 1 isn't one from row 1, column 1"),
        ({"layout": "teleport", "tasks": (((7, 1), (7, 7)),)}, "row 7, column 7 isn't one from row 7, column 1"),
        ({"layout": ("####", "#..#", "####"), "pairs": "held_out"}, "none that is held_out"),
        ({"jitter": 1.4}, "less than or equal to 1.3"),
        ({"speed": 0.0}, "greater than 0"),
    ],
)
def test_what_is_no_maze_is_refused(settings: dict[str, object], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        PointMaze(**settings)  # type: ignore[arg-type]


def test_a_tolerance_of_nothing_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="nothing can succeed"):
        made(layout=CORRIDOR, tolerance=0.0)


def test_what_only_some_pairs_read_is_said() -> None:
    assert set(PointMaze().idle()) == {"tasks", "near_steps", "held_out_percent"}
    assert set(PointMaze(pairs="train").idle()) == {"tasks", "near_steps"}
