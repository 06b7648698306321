"""Pictures of episodes: of the states that were visited, wherever the environment runs."""

from typing import Any

import equinox as eqx
import gymnasium as gym
import jax
import numpy as np
import pytest

from ilkit.env import gymnasium, point_mass
from ilkit.stepping.episode_arrays import Episodes
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.frames import frames_of
from ilkit.stepping.random_policy import RandomPolicy

KEY, ROWS = jax.random.key(0), np.array([0, 2, 9])


class Bright(gym.Env):
    """Is as bright as what it has counted, from a number drawn."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012 (gymnasium's own form)
    observation_space = gym.spaces.Box(0, 255, (1,), np.float32)
    action_space = gym.spaces.Box(1, 2, (1,), np.float32)

    def __init__(self, render_mode: str | None = None, breaks: bool = False) -> None:
        self.render_mode, self.breaks = render_mode, breaks

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.count = float(self.np_random.integers(100))
        return np.asarray([self.count], np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.count += float(action[0])
        return np.asarray([self.count], np.float32), 0.0, False, False, {}

    def render(self) -> np.ndarray:
        if self.breaks:
            raise RuntimeError("no display")
        return np.full((20, 30, 3), int(self.count), np.uint8)


def run(env: Any) -> Episodes:
    return collect_episodes(env, RandomPolicy.of(env.spaces), num_episodes=2, key=KEY, stochastic=True)


def bright(monkeypatch: pytest.MonkeyPatch, **kwargs: Any) -> Any:
    monkeypatch.setitem(gym.registry, "Bright-v0", gym.envs.registration.EnvSpec("Bright-v0", Bright))
    return gymnasium.env(gymnasium.Gymnasium(id="Bright-v0", max_steps=4, kwargs=kwargs))


def test_an_episode_on_the_host_is_played_again_and_stays_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    env = bright(monkeypatch)
    episodes = run(env)
    frames = frames_of(env, episodes, ROWS, height=10, key=KEY)
    assert frames is not None
    assert frames.shape == (3, 10, 15, 3)
    np.testing.assert_array_equal(frames[:, 0, 0, 0], episodes.obs[0, [0, 2, 4], 0].astype(int))


def test_what_cannot_be_rendered_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    env = bright(monkeypatch, breaks=True)
    with pytest.warns(UserWarning, match="aren't drawn: the environment raised RuntimeError: no display"):
        assert frames_of(env, run(env), ROWS, height=10, key=KEY) is None


def test_the_states_of_a_compiled_episode_are_drawn() -> None:
    env = point_mass.env(point_mass.PointMass(max_steps=4))
    episodes = run(env)
    frames = frames_of(env, episodes, ROWS, height=32, key=KEY)
    expected = eqx.filter_jit(jax.vmap(lambda state: env.frame(state, 32)))(episodes.obs[0, [0, 2, 4]])
    np.testing.assert_array_equal(frames, expected)
