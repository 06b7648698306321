"""A small environment of gymnasium with goals, and others that tell theirs in other ways."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.env import gymnasium


class Reach(gym.Env):
    """x ← clip(x + a / 2) along a line; the goal is a place on it, observed as in gymnasium's robotics environments."""

    distance_threshold: Any = 0.25
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    observation_space = gym.spaces.Dict(
        {
            "observation": gym.spaces.Box(-2, 2, (2,), np.float64),
            "achieved_goal": gym.spaces.Box(-2, 2, (1,), np.float64),
            "desired_goal": gym.spaces.Box(-np.inf, np.inf, (1,), np.float64),
        }
    )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.place, self.goal = self.draw()
        self.last = 0.0
        return self.observed(), self.told()

    def draw(self) -> tuple[float, float]:
        place, goal = self.np_random.uniform(-2, 2, 2)
        return place, goal

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        self.last = float(action[0])
        self.place = float(np.clip(self.place + self.last / 2, -2, 2))
        there = abs(self.place - self.goal) <= 0.25
        return self.observed(), float(there), False, False, {"success": there}

    def state(self) -> np.ndarray:
        return np.asarray([self.place, self.last])

    def observed(self) -> Any:
        here, there = np.asarray([self.place]), np.asarray([self.goal])
        return {"observation": self.state(), "achieved_goal": here, "desired_goal": there}

    def told(self) -> dict[str, Any]:
        return {}


class Telling(Reach):
    """Observes a vector; a reset tells a whole state to come to, drawn from the generator that all share."""

    observation_space = gym.spaces.Box(-2, 2, (2,), np.float64)

    def draw(self) -> tuple[float, float]:
        place, goal = np.random.uniform(-2, 2, 2)
        return place + 0.0 * float(self.action_space.sample()[0]), goal

    def observed(self) -> Any:
        return self.state()

    def told(self) -> dict[str, Any]:
        return {"goal": np.asarray([self.goal, 0.0])}


class TellingPlace(Telling):
    """Tells the place alone."""

    def told(self) -> dict[str, Any]:
        return {"goal": np.asarray([self.goal])}


class TellingMore(Telling):
    """Tells something that it doesn't observe."""

    def told(self) -> dict[str, Any]:
        return {"goal": np.zeros(3)}


class Showing(Reach):
    """Observes a vector that ends with the goal."""

    observation_space = gym.spaces.Box(-2, 2, (3,), np.float64)

    def observed(self) -> Any:
        return np.asarray([self.place, self.last, self.goal])


class Nested(Reach):
    """What is observed and the goals are dictionaries of their own."""

    _ENTRY = gym.spaces.Dict({"along": gym.spaces.Box(-2, 2, (1,), np.float64)})
    observation_space = gym.spaces.Dict(
        {"observation": gym.spaces.Box(-2, 2, (2,)), "achieved_goal": _ENTRY, "desired_goal": _ENTRY}
    )

    def observed(self) -> Any:
        seen = super().observed()
        return {**seen, **{name: {"along": seen[name]} for name in ("achieved_goal", "desired_goal")}}


KINDS = {one.__name__: one for one in (Reach, Telling, TellingPlace, TellingMore, Showing, Nested)}


def reaching(monkeypatch: pytest.MonkeyPatch, name: str = "Reach", max_steps: int = 8, **settings: Any) -> Build[Any]:
    """One of them by the name of its class."""
    spec = gym.envs.registration.EnvSpec(f"{name}-v0", KINDS[name])
    monkeypatch.setitem(gym.registry, f"{name}-v0", spec)
    chosen = gymnasium.Gymnasium.model_validate({"id": f"{name}-v0", "max_steps": max_steps, **settings})
    return Build("env", "gymnasium", gymnasium.env, chosen)
