"""Evaluations without rewards."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.env import gymnasium
from ilkit.errors import DataError


class Reach(gym.Env):
    """One number to push beyond 1; tells by a name in its info whether it is there."""

    observation_space = gym.spaces.Box(-2.0, 2.0, (1,), np.float32)
    action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, told: str, rewarded: bool) -> None:
        self.told, self.reward, self.place = told, -1.0 if rewarded else np.nan, 0.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = float(self.np_random.uniform(-0.5, 0.5))
        return np.array([self.place], np.float32), {}

    def step(self, action):
        self.place = float(np.clip(self.place + 0.25 * action[0], -2.0, 2.0))
        reached = self.place > 1.0
        return np.array([self.place], np.float32), self.reward, reached, False, {self.told: reached}


gym.register("ilkit/Reach-v0", Reach)
AWAY, STILL = [[3.0]], [[0.0]]
"""Gains that push the number further from 0, which succeeds from one side, and that leave it where it is."""


@pytest.fixture
def evaluated(make_setting, seeds):
    def evaluate(told: str, rewarded: bool = False, **settings: Any) -> Any:
        kwargs = (("told", told), ("rewarded", rewarded))
        spec = gymnasium.Gymnasium(id="ilkit/Reach-v0", max_steps=20, kwargs=kwargs)
        setting = make_setting(Build("env", "gymnasium", gymnasium.env, spec), STILL)
        policies = {name: seeds(setting.spaces, gain, gain) for name, gain in (("away", AWAY), ("still", STILL))}
        return setting.evaluate(expert=None, uncertainty=None, **policies, **settings)

    return evaluate


@pytest.mark.parametrize("name", ["is_success", "success"])
def test_success_is_what_the_environment_says_and_is_compared_where_there_are_no_rewards(evaluated, name):
    found = evaluated(name)
    away = found.metrics["away"]
    assert 0.0 < away["iqm"] == away["success"] < 1.0
    assert found.metrics["still"]["success"] == 0.0
    assert "Success rates" in found.html
    assert "`away` is best: it succeeds at a rate of" in found.summary
    assert set(found.tables["returns"]["success"]) == {0.0, 1.0}


def test_lengths_are_compared_where_nothing_else_is_known(evaluated):
    found = evaluated("something")
    assert found.metrics["still"]["iqm"] == found.metrics["still"]["length"] == 20.0
    assert found.metrics["away"]["iqm"] < 20.0
    assert "success" not in found.metrics["away"]
    assert "it lasts" in found.summary
    assert found.metrics["demonstrated"]["iqm"] == 20.0


def test_success_stands_beside_returns(evaluated):
    found = evaluated("is_success", rewarded=True)
    assert found.metrics["away"]["iqm"] == -found.metrics["away"]["length"]
    assert 0.0 < found.metrics["away"]["success"] < 1.0


def test_a_threshold_of_returns_needs_rewards(evaluated):
    with pytest.raises(DataError, match="success_return needs rewards"):
        evaluated("is_success", success_return=1.0)
