"""A pole on a cart, a head for it, demonstrations by a rule, and training without a pipeline."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.env import cart_pole, gymnasium, point_mass
from ilkit.network import mlp
from ilkit.policy import categorical
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.testing.stand_ins import wandering


@pytest.fixture(scope="session")
def balance() -> Build[Environment]:
    return Build("env", "cart_pole", cart_pole.env, cart_pole.CartPole(max_steps=40))


@pytest.fixture(scope="session")
def hosted() -> Build[HostEnvironment]:
    return Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id="CartPole-v1", max_steps=40))


@pytest.fixture(scope="session")
def head() -> Build[Policy]:
    network = Build("network", "mlp", mlp.network, mlp.MLP(hidden=(8,)))
    return Build("policy", "categorical", categorical.policy, categorical.Categorical(), (network,))


@pytest.fixture(scope="session")
def demos(balance: Build[Environment]) -> Demonstrations:
    """Episodes of random pushes, which end early."""
    return wandering(balance(), 6)


@pytest.fixture(scope="session")
def push() -> Build[Environment]:
    return Build("env", "point_mass", point_mass.env, point_mass.PointMass(max_steps=10))


@pytest.fixture(scope="session")
def pushes(push: Build[Environment]) -> Demonstrations:
    """Episodes of random pushes, none of which terminates."""
    return wandering(push(), 6)


@pytest.fixture(scope="session")
def train() -> Callable[..., Seeds[Any]]:
    """Trains a kind of `match`: `train(gail, spec, policy, env, demos)`."""

    def run(module: Any, spec: Any, *inputs: Any, seed: int = 0) -> Seeds[Any]:
        return loop.train(
            lambda key: module.match(spec, *inputs, key=key), key=jax.random.key(seed), num_seeds=spec.num_seeds
        )

    return run


@pytest.fixture(scope="session")
def mean_return() -> Callable[[Build[Environment], Policy], float]:
    """The mean return of a policy's modes over 32 episodes, the same ones for every policy."""

    def measure(env: Build[Environment], policy: Policy) -> float:
        return float(np.mean(collect_episodes(env(), policy, num_episodes=32, key=jax.random.key(9)).returns))

    return measure
