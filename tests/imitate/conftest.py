"""Demonstrations of single steps, and heads to fit to them."""

from collections.abc import Callable

import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.network.mlp import MLP, network
from ilkit.policy import categorical, deterministic, gaussian, mixture

UNBOUNDED = Box(low=(-np.inf,), high=(np.inf,))
_HEADS = {
    "categorical": (categorical, categorical.Categorical),
    "deterministic": (deterministic, deterministic.Deterministic),
    "gaussian": (gaussian, gaussian.Gaussian),
    "mixture": (mixture, mixture.Mixture),
}


@pytest.fixture
def head() -> Callable[..., Build[Policy]]:
    """Chooses a head: `head("mixture", hidden=(8,), num_components=2)`."""

    def choose(kind: str, hidden: tuple[int, ...] = (), **settings: object) -> Build[Policy]:
        module, spec = _HEADS[kind]
        return Build(
            "policy", kind, module.policy, spec(**settings), (Build("network", "mlp", network, MLP(hidden=hidden)),)
        )

    return choose


@pytest.fixture
def labeled() -> Callable[..., Demonstrations]:
    """Demonstrations of these actions at these observations, as one episode."""

    def record(obs: np.ndarray, actions: np.ndarray, space: Box | Discrete = UNBOUNDED) -> Demonstrations:
        steps = len(actions)
        return Demonstrations(
            obs=np.concatenate([obs, obs[-1:]]).astype(np.float32),
            actions=actions.astype(space.dtype),
            rewards=np.zeros(steps, np.float32),
            terminated=np.zeros(1, bool),
            truncated=np.ones(1, bool),
            lengths=np.array([steps], np.int32),
            spaces=Spaces(observation=Box.symmetric((np.inf,) * obs.shape[1]), action=space),
        )

    return record
