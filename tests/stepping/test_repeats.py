"""An environment must play an episode again."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from ilkit.env import gymnasium
from ilkit.errors import DataError
from ilkit.stepping.repeats import check_repeats


class Drifting(gym.Env):
    """Adds noise of its own from a step on; of a dictionary, one entry."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)
    action_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)

    def __init__(self, begins: int = 1000) -> None:
        self.begins = begins

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self.np_random.normal(size=1).astype(np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        own = np.random.default_rng().normal() if self.steps >= self.begins else 0.0
        return np.asarray([own], np.float32), float(action[0]), False, False, {}


def drifting(**settings: Any) -> Any:
    return gymnasium.env(gymnasium.Gymnasium(id="Drifting-v0", max_steps=20, **settings))


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gym.registry, "Drifting-v0", gym.envs.registration.EnvSpec("Drifting-v0", Drifting))


def test_randomness_of_its_own_is_refused_with_the_step() -> None:
    check_repeats(drifting())
    with pytest.raises(DataError, match="something else at step 7"):
        check_repeats(drifting(kwargs={"begins": 7}))


def test_who_says_so_is_warned() -> None:
    with pytest.warns(UserWarning, match="doesn't repeat an episode"):
        check_repeats(drifting(kwargs={"begins": 7}, repeats=False))
