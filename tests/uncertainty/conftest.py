"""Regression problems with known answers, and policies to fit to them."""

from collections.abc import Callable

import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.network.mlp import MLP, network
from ilkit.policy import deterministic, gaussian


@pytest.fixture
def demonstrate() -> Callable[..., Demonstrations]:
    """Demonstrations of these observations and actions, in episodes of equal lengths."""

    def demonstrations(obs: np.ndarray, actions: np.ndarray, num_episodes: int = 8) -> Demonstrations:
        steps, length = len(obs), len(obs) // num_episodes
        episode = np.repeat(np.arange(num_episodes), length)
        all_obs = np.zeros((steps + num_episodes, obs.shape[1]), np.float32)
        all_obs[np.arange(steps) + episode] = obs
        return Demonstrations(
            all_obs,
            actions.astype(np.float32),
            np.zeros(steps, np.float32),
            terminated=np.zeros(num_episodes, bool),
            truncated=np.ones(num_episodes, bool),
            lengths=np.full(num_episodes, length, np.int32),
            spaces=Spaces(
                observation=Box.symmetric([10.0] * obs.shape[1]), action=Box.symmetric([1.0] * actions.shape[1])
            ),
        )

    return demonstrations


@pytest.fixture
def head() -> Callable[..., Build[Policy]]:
    """A policy block: a head on a perceptron with these hidden layers, linear without any."""

    def build(*hidden: int, kind: str = "deterministic") -> Build[Policy]:
        inner = Build("network", "mlp", network, MLP(hidden=hidden))
        if kind == "gaussian":
            return Build("policy", kind, gaussian.policy, gaussian.Gaussian(), (inner,))
        return Build("policy", kind, deterministic.policy, deterministic.Deterministic(), (inner,))

    return build
