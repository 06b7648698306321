"""Observations of every kind, from the environment through rollout, cloning and evaluation."""

from typing import Any

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, PyTree

from ilkit.artifact.store import load, save
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.spaces import Spaces
from ilkit.env import gymnasium
from ilkit.evaluate.returns import Returns, evaluate
from ilkit.imitate.bc import BC, imitate
from ilkit.network.mlp import MLP, network
from ilkit.policy import categorical, deterministic
from ilkit.rollout.episodes import Episodes, rollout
from ilkit.running.loop import train

KEY = jax.random.key(0)
WAY = (2, 2, 1, 1, 1, 2)
"""From the start of the frozen lake to its goal: right, right, down, down, down, right."""


class Seeing(gym.Env):
    """A dot in a picture and a number; the action is to be the sum of where the dot is and the number."""

    observation_space = gym.spaces.Dict(
        {"picture": gym.spaces.Box(0, 255, (2, 4, 1), np.uint8), "offset": gym.spaces.Box(-1, 1, (1,), np.float64)}
    )
    action_space = gym.spaces.Box(-4.0, 4.0, (1,))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict]:
        reward = -abs(float(action[0]) - self.at - self.offset)
        return self._seen(), reward, False, False, {}

    def _seen(self) -> dict[str, np.ndarray]:
        self.at, self.offset = int(self.np_random.integers(4)), float(self.np_random.uniform(-1, 1))
        picture = np.zeros((2, 4, 1), np.uint8)
        picture[1, self.at] = 255
        return {"picture": picture, "offset": np.array([self.offset])}


class Walker(Policy):
    """Goes the known way over the lake."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def initial_carry(self) -> Array:
        return jnp.zeros((), jnp.int32)

    def mode(self, carry: Array, obs: PyTree) -> tuple[Array, Array]:
        return carry + 1, jnp.asarray(WAY, jnp.int32)[jnp.minimum(carry, 5)]


class Summing(Policy):
    """Adds what is seen."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        return carry, jnp.argmax(obs["picture"][1, :, 0]) + obs["offset"]


@pytest.fixture(autouse=True)
def registered() -> Any:
    gym.register("Seeing-v0", entry_point=Seeing, max_episode_steps=8)
    yield
    del gym.registry["Seeing-v0"]


def cloned(env: Build[Any], expert: Any, head: Build[Any], **settings: Any) -> tuple[Demonstrations, Any]:
    world = env()
    demos = rollout(
        Episodes(num_episodes=24), env, expert(Normalizer.identity(world.spaces.observation), world.spaces), key=KEY
    )
    spec = BC(learning_rate=1e-2, **settings)
    return demos, train(lambda key: imitate(spec, head, demos, key=key), key=KEY)


def returns(report: Report) -> float:
    """The mean return of the clone."""
    table = report.tables["returns"]
    return float(np.mean([one for name, one in zip(table["policy"], table["return"], strict=True) if name == "cloned"]))


def linear(kind: str, function: Any, spec: Any) -> Build[Any]:
    return Build("policy", kind, function, spec, (Build("network", "mlp", network, MLP(hidden=())),))


@pytest.mark.filterwarnings("ignore:Episodes aren't drawn")  # without the library that draws it
def test_a_discrete_observation_is_cloned() -> None:
    lake = gymnasium.Gymnasium(id="FrozenLake-v1", kwargs=(("is_slippery", False),))
    env = Build("env", "gymnasium", gymnasium.env, lake)
    head = linear("categorical", categorical.policy, categorical.Categorical())
    demos, learnt = cloned(env, Walker, head, num_steps=300)
    assert (demos.obs.dtype, demos.obs.shape) == (np.int32, (24 * 7,))
    report = evaluate(Returns(num_episodes=3, num_resamples=50), env, demos, key=KEY, cloned=learnt)
    assert returns(report) == pytest.approx(1.0)


def test_pictures_and_vectors_stay_themselves_through_rollout_cloning_and_evaluation(tmp_path: Any) -> None:
    env = Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id="Seeing-v0"))
    head = linear("deterministic", deterministic.policy, deterministic.Deterministic())
    demos, learnt = cloned(env, Summing, head, num_steps=800)
    assert {name: (rows.dtype, rows.shape) for name, rows in demos.obs.items()} == {
        "offset": (np.float32, (24 * 9, 1)),
        "picture": (np.uint8, (24 * 9, 2, 4, 1)),
    }
    save(demos, tmp_path / "demos")
    save(learnt, tmp_path / "learnt")
    again, policies = load(tmp_path / "demos"), load(tmp_path / "learnt")
    np.testing.assert_array_equal(again.obs["picture"], demos.obs["picture"])
    report = evaluate(Returns(num_episodes=4, num_resamples=50), env, again, key=KEY, cloned=policies)
    assert returns(report) > -0.5
