"""An environment on the host that can be solved at once."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.env import gymnasium


class Steering(gym.Env):
    """x ← x + a / 5 with reward -x²; a drift must be leant against."""

    observation_space = gym.spaces.Box(-10, 10, (1,), np.float32)
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.position = self.np_random.uniform(-1, 1, 1).astype(np.float32)
        return self.position, {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.position = self.position + np.float32(0.05) + np.clip(action, -1, 1).astype(np.float32) / 5
        return self.position, -float(self.position[0] ** 2), False, False, {}


def register_steering(monkeypatch: pytest.MonkeyPatch) -> Build[Any]:
    monkeypatch.setitem(gym.registry, "Steering-v0", gym.envs.registration.EnvSpec("Steering-v0", Steering))
    return Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id="Steering-v0", max_steps=20))
