import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.env import point_mass, point_maze
from ilkit.errors import DataError
from ilkit.expert.waypoints import Waypoints, expert
from ilkit.math.floor_plan import steps_between
from ilkit.stepping.episodes import collect_episodes

KEY = jax.random.key(0)
TURN = ("######", "#....#", "####.#", "######")


def build(**settings: object) -> Build:
    return Build("env", "point_maze", point_maze.env, point_maze.PointMaze(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_every_pair_is_reached_by_about_the_shortest_way(noise: float) -> None:
    env = build(layout="large", speed=0.8)
    run = collect_episodes(env(), expert(Waypoints(), env, key=KEY), num_episodes=64, key=KEY, action_noise=noise)
    assert run.terminated.all()
    maze = env().maze()
    column, up = np.floor((run.obs["desired_goal"][:, 0] + 6.0) / 4.0).astype(int).T
    goal = maze.numbers[up, column]
    column, up = np.floor((run.obs["achieved_goal"][:, 0] + 6.0) / 4.0).astype(int).T
    ways = 4.0 * steps_between(maze.free)[maze.numbers[up, column], goal]
    assert (0.8 * run.lengths < (1.0 + noise) * (ways + 4.0)).all()
    assert ways.max() > 60.0


def test_it_goes_to_the_middle_of_the_next_cell_and_in_the_goals_own_cell_to_the_goal() -> None:
    env = build(layout=TURN)
    policy = expert(Waypoints(), env, key=KEY)

    def action(place: tuple[float, float], goal: tuple[float, float]) -> np.ndarray:
        obs = {"achieved_goal": jnp.asarray(place), "desired_goal": jnp.asarray(goal)}
        return np.asarray(policy.mode((), obs)[1])

    np.testing.assert_allclose(action((0.0, 4.0), (12.0, 0.0)), [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(action((0.0, 5.0), (12.0, 0.0)), np.asarray([4.0, -1.0]) / np.sqrt(17.0), atol=1e-6)
    np.testing.assert_allclose(action((12.0, 4.0), (12.5, 0.0)), [0.0, -1.0], atol=1e-6)
    np.testing.assert_allclose(action((12.4, 0.5), (12.5, 0.45)), [0.5, -0.25], atol=1e-5)


def test_no_way_leads_through_a_teleporter() -> None:
    env = build(layout="teleport", at_goal="stay", speed=1.0, max_steps=120)
    run = collect_episodes(env(), expert(Waypoints(), env, key=KEY), num_episodes=64, key=KEY)
    places = run.obs["achieved_goal"]
    assert (run.rewards.max(axis=1) == 1.0).all()
    assert np.linalg.norm(np.diff(places, axis=1), axis=-1).max() < 1.5  # nobody was taken elsewhere


def test_what_is_no_maze_is_refused() -> None:
    mass = Build("env", "point_mass", point_mass.env, point_mass.PointMass())
    with pytest.raises(DataError, match=r"expert\.waypoints\.env: must be a maze.*point_maze"):
        expert(Waypoints(), mass, key=KEY)
