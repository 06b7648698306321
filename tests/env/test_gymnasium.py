from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from ilkit.data.spaces import Box, Discrete
from ilkit.env import gymnasium
from ilkit.errors import DataError


class Corridor(gym.Env):
    """Observes a dictionary, acts from 1 to 3, ends after `length` steps by itself."""

    metadata: ClassVar = {"render_modes": ["rgb_array"]}
    observation_space = gym.spaces.Dict({"at": gym.spaces.Discrete(4), "goal": gym.spaces.Box(-1, 1, (2,))})
    action_space = gym.spaces.Discrete(3, start=1)

    def __init__(self, length: int = 3, render_mode: str | None = None) -> None:
        self.length, self.at, self.render_mode = length, 0, render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.at = 0
        return self._obs(), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict]:
        assert self.action_space.contains(action)
        self.at += 1
        return self._obs(), float(action), self.at == self.length, False, {}

    def render(self) -> np.ndarray:
        return np.full((4, 5, 3), self.at, np.uint8)

    def _obs(self) -> dict[str, Any]:
        return {"at": min(self.at, 3), "goal": np.zeros(2, np.float32)}


@pytest.fixture(autouse=True)
def corridor() -> Any:
    gym.register("Corridor-v0", entry_point=Corridor, max_episode_steps=10)
    gym.register("Endless-v0", entry_point=Corridor)
    yield
    del gym.registry["Corridor-v0"], gym.registry["Endless-v0"]


def test_spaces_become_vectors_and_whole_numbers_from_zero() -> None:
    env = gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0"))
    assert env.spaces.observation == Box(low=(0.0,) * 4 + (-1.0,) * 2, high=(1.0,) * 6)
    assert env.spaces.action == Discrete(size=3)
    vector = env.make(2)
    obs, _ = vector.reset(seed=[1, 2])
    assert obs.dtype == np.float32
    np.testing.assert_array_equal(obs, [[1, 0, 0, 0, 0, 0]] * 2)
    _, rewards, *_ = vector.step(np.asarray([0, 2], np.int32))
    np.testing.assert_array_equal(rewards, [1.0, 3.0])
    assert vector.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP


def test_the_last_observation_comes_before_the_reset() -> None:
    vector = gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0", kwargs=(("length", 2),))).make(1)
    vector.reset(seed=[0])
    vector.step(np.asarray([0]))
    obs, _, terminated, truncated, _ = vector.step(np.asarray([0]))
    assert terminated[0]
    assert not truncated[0]
    assert obs[0].argmax() == 2
    obs, reward, terminated, _, _ = vector.step(np.asarray([0]))
    assert obs[0].argmax() == 0
    assert reward[0] == 0
    assert not terminated[0]


def test_the_time_limit_is_that_of_the_registration_or_of_the_spec() -> None:
    assert gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0")).max_steps == 10
    env = gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0", max_steps=1))
    vector = env.make(1)
    vector.reset(seed=[0])
    _, _, terminated, truncated, _ = vector.step(np.asarray([0]))
    assert truncated[0]
    assert not terminated[0]


def test_actions_are_clipped_and_frames_are_drawn() -> None:
    env = gymnasium.env(gymnasium.Gymnasium(id="Pendulum-v1", kwargs=(("g", 9.81),)))
    vector = env.make(1)
    vector.reset(seed=[0])
    far = vector.step(np.asarray([[9.0]], np.float32))[1]
    vector.reset(seed=[0])
    np.testing.assert_array_equal(far, vector.step(np.asarray([[2.0]], np.float32))[1])
    drawn = gymnasium.env(gymnasium.Gymnasium(id="Corridor-v0")).make(2, render=True)
    drawn.reset(seed=[0, 1])
    assert [frame.shape for frame in drawn.render()] == [(4, 5, 3)] * 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"id": "Pendulm-v1"}, "Did you mean 'Pendulum-v1'"),
        ({"id": "no_such_module:Pendulum-v1"}, "no_such_module"),
        ({"id": "Pendulum-v1", "kwargs": {"grvity": 1.0}}, "grvity"),
        ({"id": "Endless-v0"}, "time limit"),
    ],
)
def test_a_wrong_name_or_argument_is_explained(spec: dict[str, Any], message: str) -> None:
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
