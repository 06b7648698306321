from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from ilkit.data.spaces import Box, Dict, Discrete, MultiDiscrete, Space
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


def test_spaces_stay_what_they_are() -> None:
    env = gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0"))
    assert env.spaces.observation == Dict(entries={"goal": Box.symmetric((1.0, 1.0)), "at": Discrete(size=4)})
    assert env.spaces.action == Discrete(size=3, start=1)
    one = env.make()
    assert one.reset(seed=1)[0]["at"] == 0
    assert [one.step(np.int32(action))[1] for action in (1, 3)] == [1.0, 3.0]


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (gym.spaces.Box(0, 255, (4, 3, 3), np.uint8), Box(shape=(4, 3, 3), low=0.0, high=255.0, dtype="uint8")),
        (gym.spaces.Box(-1, 1, (2,), np.float64), Box.symmetric((1.0, 1.0))),
        (gym.spaces.MultiDiscrete([3, 2]), MultiDiscrete(sizes=(3, 2))),
        (gym.spaces.MultiBinary(2), Box(shape=(2,), low=0.0, high=1.0, dtype="int8")),
        (gym.spaces.Tuple([gym.spaces.Discrete(2), gym.spaces.Discrete(3)]), Box(shape=(5,), low=0.0, high=1.0)),
    ],
)
def test_what_can_be_kept_is_kept_and_the_rest_flattened(
    monkeypatch: pytest.MonkeyPatch, space: gym.Space, expected: Space
) -> None:
    monkeypatch.setattr(Corridor, "observation_space", space)
    assert gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0")).spaces.observation == expected


def test_the_time_limit_is_that_of_the_registration_or_of_the_spec() -> None:
    assert gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0")).max_steps == 10
    one = gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0", max_steps=1)).make()
    one.reset(seed=0)
    _, _, terminated, truncated, _ = one.step(np.int32(1))
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
