"""Small evaluations: seeds of linear policies on short episodes."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, PyTree

from ilkit.data.build import Build
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Discrete, Spaces
from ilkit.data.uncertainty import Uncertainty
from ilkit.env import cart_pole, gymnasium, point_mass
from ilkit.evaluate.returns import Returns, evaluate
from ilkit.stepping.episodes import collect_episodes


class LinearPolicy(Policy):
    gain: Float[Array, "act obs"]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Array]:
        action = self.gain @ obs
        if isinstance(self.spaces.action, Discrete):
            return carry, (action[0] > 0).astype(jnp.int32)
        return carry, action


class DistanceUncertainty(Uncertainty):
    scale: Float[Array, ""]

    def covariance(self, obs: Float[Array, " obs"]) -> Float[Array, "act act"]:
        return self.scale * obs[-1] ** 2 * jnp.eye(2)


def linear_seeds(spaces: Spaces, *gains: Any, curves: dict[str, np.ndarray] | None = None) -> Seeds[Policy]:
    normalizer = Normalizer.identity(spaces.observation.size)
    policies = [
        LinearPolicy(gain=jnp.asarray(gain, jnp.float32), normalizer=normalizer, spaces=spaces) for gain in gains
    ]
    return Seeds(jax.tree.map(lambda *leaves: jnp.stack(leaves), *policies), curves or {}, len(gains))


def pull(stiffness: float, damping: float) -> list[list[float]]:
    """The gain of a spring and a damper in the plane."""
    return [[-stiffness, 0.0, -damping, 0.0], [0.0, -stiffness, 0.0, -damping]]


class Setting:
    """An environment with an expert, its demonstrations and what else `evaluate` takes."""

    def __init__(self, env: Build[Any], expert_gain: list[list[float]]) -> None:
        world = env()
        self.env, self.spaces = env, world.spaces
        self.expert = linear_seeds(self.spaces, expert_gain)
        self.demos = collect_episodes(world, self.expert[0], num_episodes=3, key=jax.random.key(1)).demonstrations()
        self.uncertainty = Seeds(
            jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), DistanceUncertainty(jnp.ones(()))), {}, 2
        )

    def evaluate(self, *, key: int = 0, **settings: Any) -> Any:
        fields = {name: settings.pop(name) for name in list(settings) if name in Returns.model_fields}
        spec = Returns(**{"num_episodes": 6, "num_resamples": 500, **fields})
        given = {name: settings.pop(name, getattr(self, name)) for name in ("demos", "expert", "uncertainty")}
        return evaluate(spec, self.env, *given.values(), key=jax.random.key(key), **settings)


@pytest.fixture(scope="session")
def push() -> Setting:
    env = Build("env", "point_mass", point_mass.env, point_mass.PointMass(max_steps=30))
    return Setting(env, pull(2.0, 2.0))


@pytest.fixture(scope="session")
def balance() -> Setting:
    env = Build("env", "cart_pole", cart_pole.env, cart_pole.CartPole(max_steps=30))
    return Setting(env, [[0.1, 0.4, 4.0, 1.0]])


@pytest.fixture(scope="session")
def hosted() -> Setting:
    env = Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id="Pendulum-v1", max_steps=20))
    return Setting(env, [[0.0, -12.0, -3.0]])


@pytest.fixture(scope="session")
def seeds() -> Any:
    return linear_seeds


@pytest.fixture(scope="session")
def weak(push: Setting) -> Seeds[Policy]:
    loss = {"step": np.array([5, 10], np.int32), "loss": np.array([[2.0, 1.0]] * 3, np.float32)}
    return linear_seeds(push.spaces, pull(0.1, 0.1), pull(0.2, 0.1), pull(0.1, 0.2), curves=loss)


@pytest.fixture(scope="session")
def strong(push: Setting) -> Seeds[Policy]:
    curves = {
        "step": np.arange(1, 5, dtype=np.int32),
        "env_steps": np.arange(1, 5, dtype=np.int32) * 100,
        "return": np.arange(12, dtype=np.float32).reshape(3, 4),
        "episodes": np.array([[0, 1, 2, 3], [1, 2, 3, 4], [1, 1, 1, 1]], np.float32),
        "noise_scale": np.array([[3.0, 4.0, 3.0, 4.0]] * 3, np.float32),
        "critic_loss": np.ones((3, 4), np.float32),
    }
    return linear_seeds(push.spaces, pull(2.0, 1.8), pull(1.5, 1.5), pull(1.8, 1.6), curves=curves)


@pytest.fixture
def count_calls(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Records the calls of a method: those of a compiled one are its traces."""

    def count(owner: type, name: str) -> list[None]:
        calls: list[None] = []
        method = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *args, **kwargs: (calls.append(None), method(*args, **kwargs))[1])
        return calls

    return count


@pytest.fixture(scope="session")
def make_setting() -> type[Setting]:
    return Setting
