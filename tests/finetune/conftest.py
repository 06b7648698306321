"""A point mass, clones of its expert that hardly push, and ways to explore from them."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.uncertainty import Uncertainty
from ilkit.env import cart_pole, gymnasium, point_mass
from ilkit.exploration import ensemble_covariance, isotropic, none, own_density
from ilkit.network.mlp import MLP, network
from ilkit.policy import categorical, deterministic, gaussian
from ilkit.stepping.behavior import Behavior
from ilkit.stepping.episodes import collect_episodes

_HEADS: dict[str, tuple[Any, Any]] = {
    "categorical": (categorical, categorical.Categorical),
    "deterministic": (deterministic, deterministic.Deterministic),
    "gaussian": (gaussian, gaussian.Gaussian),
}
_EXPLORATIONS: dict[str, tuple[Any, Any]] = {
    "ensemble_covariance": (ensemble_covariance, ensemble_covariance.EnsembleCovariance),
    "isotropic": (isotropic, isotropic.Isotropic),
    "none": (none, none.None_),
    "own_density": (own_density, own_density.OwnDensity),
}


class Known(Uncertainty):
    """The same covariance everywhere, known by its diagonal."""

    diagonal: Float[Array, " act"]

    def covariance(self, obs: Float[Array, " obs"]) -> Float[Array, "act act"]:
        return jnp.diag(self.diagonal)


@pytest.fixture(scope="session")
def push() -> Build[Environment]:
    return Build("env", "point_mass", point_mass.env, point_mass.PointMass(max_steps=30))


@pytest.fixture(scope="session")
def balance() -> Build[Environment]:
    return Build("env", "cart_pole", cart_pole.env, cart_pole.CartPole(max_steps=100))


@pytest.fixture(scope="session")
def hosted() -> Build[HostEnvironment]:
    return Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id="Pendulum-v1", max_steps=3))


@pytest.fixture(scope="session")
def clone() -> Callable[..., Policy]:
    """A linear clone that hardly acts; its normalizer is no identity: `clone(env, "gaussian", squash=True)`."""

    def build(env: Build[Any], head: str = "deterministic", seed: int = 0, **settings: Any) -> Policy:
        module, spec = _HEADS[head]
        spaces = env().spaces
        inner = Build("network", "mlp", network, MLP(hidden=()))
        policy = module.policy(spec(**settings), inner, spaces, key=jax.random.key(seed))
        weights = tuple(0.05 * weight for weight in policy.network.layers.weights)
        ones = jnp.ones(spaces.observation.size)
        normalizer = Normalizer(0.1 * ones, 0.5 * ones)
        return eqx.tree_at(lambda tree: (tree.network.layers.weights, tree.normalizer), policy, (weights, normalizer))

    return build


@pytest.fixture(scope="session")
def blind(push: Build[Environment], clone: Callable[..., Policy]) -> Callable[[int], Policy]:
    """A linear clone on `push` that doesn't look, but pushes into a direction of its seed's: `blind(0)`."""

    def build(seed: int) -> Policy:
        policy = clone(push, seed=seed)
        return eqx.tree_at(lambda tree: tree.network.layers.weights[0], policy, replace_fn=jnp.zeros_like)

    return build


@pytest.fixture(scope="session")
def known() -> Callable[..., Uncertainty]:
    """An uncertainty of these variances: `known(0.1, 0.4)`."""
    return lambda *variances: Known(jnp.asarray(variances, jnp.float32))


@pytest.fixture(scope="session")
def explore() -> Callable[..., Build[Behavior]]:
    """Chooses an exploration: `explore("isotropic", scale=0.5)`."""

    def choose(kind: str, **settings: Any) -> Build[Behavior]:
        module, spec = _EXPLORATIONS[kind]
        return Build("exploration", kind, module.exploration, spec(**settings), optional=("uncertainty",))

    return choose


@pytest.fixture(scope="session")
def mean_return() -> Callable[[Build[Environment], Policy], float]:
    """The mean return of a policy's modes over 64 episodes, the same ones for every policy."""

    def measure(env: Build[Environment], policy: Policy) -> float:
        return float(np.mean(collect_episodes(env(), policy, num_episodes=64, key=jax.random.key(9)).returns))

    return measure


@pytest.fixture(scope="session")
def leaves() -> Callable[[Any], list[bytes]]:
    """The arrays of a tree, bit for bit."""
    return lambda tree: [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(eqx.filter(tree, eqx.is_array))]
