import jax
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import RecordedEnvironment
from ilkit.data.spaces import Box
from ilkit.env import cart_pole, lane_keeping, point_maze
from ilkit.errors import DataError
from ilkit.expert.wander import Wander, expert
from ilkit.rollout import episodes, graded
from ilkit.stepping.episodes import collect_episodes

KEY = jax.random.key(0)
MAZE = Build("env", "point_maze", point_maze.env, point_maze.PointMaze(at_goal="stay", speed=0.8, max_steps=60))


def play(env: Build, count: int, **settings: int) -> np.ndarray:
    policy = expert(Wander(**settings), env, key=KEY)
    return collect_episodes(env(), policy, num_episodes=count, key=KEY, stochastic=True).intended


def test_a_direction_is_kept_for_a_period_and_then_any_other_is_as_likely() -> None:
    actions = play(MAZE, 256, period=6).reshape(256, 10, 6, 2)
    np.testing.assert_array_equal(actions, np.broadcast_to(actions[:, :, :1], actions.shape))
    drawn = actions[:, :, 0]
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=-1), 1.0, atol=1e-6)
    angles = np.arctan2(drawn[..., 1], drawn[..., 0])
    counts = np.histogram(angles, bins=8, range=(-np.pi, np.pi))[0]
    expected = angles.size / 8
    assert ((counts - expected) ** 2 / expected).sum() < 24.3  # χ² of 7 degrees of freedom, 99.9 %
    assert abs(np.cos(angles[:, 1:] - angles[:, :-1]).mean()) < 0.06  # the next says nothing of the last


def test_actions_are_those_of_any_box() -> None:
    env = Build("env", "lane_keeping", lane_keeping.env, lane_keeping.LaneKeeping(height=8, width=8, max_steps=5))
    actions = play(env, 64, period=2)
    np.testing.assert_allclose(np.abs(actions), env.spec.max_curvature, rtol=1e-6)
    assert 0.3 < (actions > 0).mean() < 0.7


def test_play_is_recorded_as_demonstrations() -> None:
    spec = episodes.Episodes(num_episodes=20, stochastic=True, action_noise=0.5, label="executed")
    demos: Demonstrations = episodes.rollout(spec, MAZE, expert(Wander(), MAZE, key=KEY), key=KEY)
    assert demos.executed is None
    assert (np.abs(demos.actions) <= 1.0).all()
    places = demos.obs["achieved_goal"]
    assert len(np.unique(np.floor((places + 6.0) / 4.0), axis=0)) > 15  # it gets around: of 26 cells


def test_what_is_recorded_without_samples_is_warned_of() -> None:
    play = expert(Wander(), MAZE, key=KEY)
    with pytest.warns(UserWarning, match="WanderPolicy does the same always where stochastic is false, got false"):
        episodes.rollout(episodes.Episodes(num_episodes=2), MAZE, play, key=KEY)
    with pytest.warns(UserWarning, match="Set stochastic: true"):
        graded.rollout(graded.Graded(num_starts=2, tries=1, action_noise=(0.0,)), MAZE, play, key=KEY)


def test_what_has_no_directions_is_refused() -> None:
    pole = Build("env", "cart_pole", cart_pole.env, cart_pole.CartPole())
    with pytest.raises(DataError, match=r"expert\.wander\.env: must have actions that are vectors, got .*Box"):
        expert(Wander(), pole, key=KEY)
    endless = Box.symmetric((np.inf, 1.0))
    (fault,) = Wander().faults(RecordedEnvironment(observation=endless, action=endless))
    assert fault.startswith("env: must have finite limits of actions")
