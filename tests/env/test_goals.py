"""Environments that tell where to go."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.environment import Environment, GoalReaching, GoalRewarding, Mapped
from ilkit.data.goal_entries import ACHIEVED, DESIRED, STEPS_LEFT, goal_faults
from ilkit.env import point_mass, point_room, reach_grid
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy

KEY = jax.random.key(0)
ROOM = point_room.env(point_room.PointRoom(noise=0.0, tolerance=0.5))
GRID = reach_grid.env(reach_grid.ReachGrid())


@pytest.mark.parametrize("env", [ROOM, GRID], ids=["point_room", "reach_grid"])
def test_an_episode_has_one_goal_and_shows_what_is_left_of_it(env: Environment) -> None:
    assert isinstance(env, GoalReaching)
    assert isinstance(env, GoalRewarding)
    assert isinstance(env, Mapped)
    assert goal_faults(env.spaces.observation) == ()
    run = collect_episodes(env, RandomPolicy.of(env.spaces), num_episodes=32, key=KEY, stochastic=True)
    obs = run.obs
    assert (obs[DESIRED] == obs[DESIRED][:, :1]).all()
    assert len(np.unique(obs[DESIRED][:, 0], axis=0)) > 5
    np.testing.assert_array_equal(obs["observation"], obs[ACHIEVED])
    np.testing.assert_array_equal(run.lengths, env.max_steps)
    left = 1.0 - np.arange(env.max_steps + 1) / env.max_steps
    np.testing.assert_allclose(obs[STEPS_LEFT][..., 0], np.broadcast_to(left, (32, len(left))), atol=1e-6)
    away = (obs[ACHIEVED][:, 1:].astype(float) - obs[DESIRED][:, 1:]).reshape(32, env.max_steps, -1)
    there = np.linalg.norm(away, axis=-1) <= env.goal_tolerance
    np.testing.assert_array_equal(run.rewards, there)
    assert 0 < there.mean() < 1


def test_a_world_without_goals_reaches_none() -> None:
    assert not isinstance(point_mass.env(point_mass.PointMass()), GoalReaching)


def test_moves_of_the_point_are_up_right_down_left_and_none_up_to_the_walls() -> None:
    state = jnp.asarray([0.0, 0.98, 0.5, 0.5, 3.0])
    steps = [ROOM.step(state, jnp.asarray(action), key=KEY)[0] for action in range(5)]
    expected = [[0.0, 1.0], [0.05, 0.98], [0.0, 0.93], [-0.05, 0.98], [0.0, 0.98]]
    np.testing.assert_allclose([step[:2] for step in steps], expected, atol=1e-6)
    np.testing.assert_array_equal([step[2:] for step in steps], [[0.5, 0.5, 4.0]] * 5)


def test_noise_pushes_the_point_along_the_diagonal() -> None:
    env = point_room.env(point_room.PointRoom(noise=0.01))
    step = jax.vmap(lambda key: env.step(jnp.zeros(5), jnp.asarray(4), key=key)[0])
    pushed = np.asarray(step(jax.random.split(KEY, 20_000)))
    np.testing.assert_array_equal(pushed[:, 0], pushed[:, 1])
    assert pushed[:, 0].std() == pytest.approx(0.01, rel=0.03)
    assert pushed[:, 0].mean() == pytest.approx(0.0, abs=3e-4)


@pytest.mark.parametrize("env", [ROOM, GRID], ids=["point_room", "reach_grid"])
def test_the_horizon_is_hidden_where_it_is_not_to_be_shown(env: Environment) -> None:
    hidden = type(env.spec)(show_horizon=False)
    other = (point_room if env is ROOM else reach_grid).env(hidden)
    assert STEPS_LEFT not in dict(other.spaces.observation.entries)
    assert STEPS_LEFT not in other.observe(other.reset(key=KEY))


def test_walls_of_the_grid_stop_and_its_starts_and_goals_are_all_cells() -> None:
    states = np.asarray(jax.vmap(lambda key: GRID.reset(key=key))(jax.random.split(KEY, 4000)))
    cells = len(GRID.following)
    assert set(states[:, 0]) == set(states[:, 1]) == set(range(cells))
    assert "".join(GRID.spec.layout).count(".") == cells
    corner = jnp.asarray([0, 5, 0])
    np.testing.assert_array_equal(GRID.step(corner, jnp.asarray(1), key=KEY)[0], [0, 5, 1])
    np.testing.assert_array_equal(GRID.step(corner, jnp.asarray(2), key=KEY)[0], [1, 5, 1])
    np.testing.assert_allclose(GRID.places[0], [1.5, 2.5])


def test_a_grid_with_an_open_edge_is_refused() -> None:
    with pytest.raises(ValidationError, match="layout: it must be closed by walls"):
        reach_grid.ReachGrid(layout=("###", "#..", "###"))


@pytest.mark.parametrize("env", [ROOM, GRID], ids=["point_room", "reach_grid"])
def test_the_chart_shows_where_an_observation_lies(env: Environment) -> None:
    picture, (left, right, lower, upper) = env.chart(60)
    assert picture.shape[0] == 60
    state = env.reset(key=jax.random.key(4))
    x, y = np.asarray(env.position(env.observe(state)))
    frame = np.asarray(env.frame(state, 60), int)
    blue = np.argwhere(np.abs(frame - np.asarray([52, 107, 179])).sum(axis=-1) < 40).mean(axis=0)
    rows, columns = picture.shape[:2]
    assert (blue[1] + 0.5) / columns == pytest.approx((x - left) / (right - left), abs=0.02)
    assert (blue[0] + 0.5) / rows == pytest.approx((upper - y) / (upper - lower), abs=0.02)
