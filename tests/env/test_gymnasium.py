from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from ilkit.data.spaces import Box, Discrete
from ilkit.env import gymnasium
from ilkit.errors import DataError


class Corridor(gym.Env):
    """Observes a dictionary, acts from 1 to 3, ends after `length` steps by itself."""

    observation_space = gym.spaces.Dict({"at": gym.spaces.Discrete(4), "goal": gym.spaces.Box(-1, 1, (2,))})
    action_space = gym.spaces.Discrete(3, start=1)

    def __init__(self, length: int = 3) -> None:
        self.length, self.at = length, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.at = 0
        return self._obs(), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict]:
        assert self.action_space.contains(action)
        self.at += 1
        return self._obs(), float(action), self.at == self.length, False, {}

    def _obs(self) -> dict[str, Any]:
        return {"at": min(self.at, 3), "goal": np.zeros(2, np.float32)}


class Grid(gym.Env):
    """Acts by a matrix, whose sum is the reward."""

    observation_space = gym.spaces.Box(-1, 1, (1,))
    action_space = gym.spaces.Box(-1, 1, (1, 2))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict]:
        assert self.action_space.contains(action)
        return np.zeros(1, np.float32), float(action.sum()), False, False, {}


def unplugged() -> gym.Env:
    raise OSError("no arm at this port")


@pytest.fixture(autouse=True)
def registered() -> Any:
    gym.register("Unplugged-v0", entry_point=unplugged, max_episode_steps=10)
    gym.register("Corridor-v0", entry_point=Corridor, max_episode_steps=10)
    gym.register("Grid-v0", entry_point=Grid, max_episode_steps=10)
    gym.register("Endless-v0", entry_point=Corridor)
    yield
    del gym.registry["Unplugged-v0"], gym.registry["Corridor-v0"], gym.registry["Grid-v0"], gym.registry["Endless-v0"]


def test_spaces_become_vectors_and_whole_numbers_from_zero() -> None:
    env = gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0"))
    assert env.spaces.observation == Box(low=(0.0,) * 4 + (-1.0,) * 2, high=(1.0,) * 6)
    assert env.spaces.action == Discrete(size=3)
    one = env.make()
    obs, _ = one.reset(seed=1)
    assert obs.dtype == np.float32
    np.testing.assert_array_equal(obs, [1, 0, 0, 0, 0, 0])
    assert [one.step(np.int32(action))[1] for action in (0, 2)] == [1.0, 3.0]


def test_the_time_limit_is_that_of_the_registration_or_of_the_spec() -> None:
    assert gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0")).max_steps == 10
    one = gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0", max_steps=1)).make()
    one.reset(seed=0)
    _, _, terminated, truncated, _ = one.step(np.int32(0))
    assert truncated
    assert not terminated


def test_an_action_takes_the_shape_of_the_space_and_stays_inside_of_it() -> None:
    one = gymnasium.env(gymnasium.Gymnasium(id="Grid-v0")).make()
    one.reset(seed=0)
    assert one.step(np.asarray([0.5, 9.0], np.float32))[1] == 1.5


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"id": "Pendulm-v1"}, "Did you mean 'Pendulum-v1'"),
        ({"id": "no_such_module:Pendulum-v1"}, "no_such_module"),
        ({"id": "Pendulum-v1", "kwargs": {"grvity": 1.0}}, "grvity"),
        ({"id": "Endless-v0"}, "time limit"),
        ({"id": "Unplugged-v0"}, "can't make Unplugged-v0 with {}: OSError: no arm at this port"),
        ({"id": "broken_module:Any-v0"}, "raised SyntaxError: .*never closed"),
    ],
)
def test_a_wrong_name_or_argument_is_explained(
    spec: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_module.py").write_text("def broken(")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DataError, match=message):
        gymnasium.env(gymnasium.Gymnasium(**spec))


def test_unsupported_spaces_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Corridor, "action_space", gym.spaces.MultiBinary(2))
    with pytest.raises(DataError, match="MultiBinary"):
        gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0"))
    monkeypatch.setattr(Corridor, "observation_space", gym.spaces.Sequence(gym.spaces.Discrete(2)))
    with pytest.raises(DataError, match="Sequence"):
        gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0"))


def test_the_arguments_of_the_constructor_are_plain_and_hashable() -> None:
    spec = gymnasium.Gymnasium.model_validate_json('{"id": "Pendulum-v1", "kwargs": {"g": 9.81}}')
    assert spec == gymnasium.Gymnasium(id="Pendulum-v1", kwargs=(("g", 9.81),))
    assert hash(spec) == hash(spec.model_copy())
    assert gymnasium.Gymnasium.model_validate_json(spec.model_dump_json()) == spec
    assert gymnasium.Gymnasium.model_json_schema()["properties"]["kwargs"]["type"] == "object"
