"""Actions in any unit, bounded or not, are fitted alike."""

import jax
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Spaces
from ilkit.imitate.bc import BC, imitate
from ilkit.network.mlp import MLP, network
from ilkit.policy import deterministic, gaussian, mixture
from ilkit.running.loop import train

CENTER = np.array([0.0, 1500.0, 0.0])
SCALE = np.array([1.0, 300.0, 20_000.0])
"""Actions between -1 and 1, pulse widths, ticks of an encoder."""
HEADS = {
    "deterministic": (deterministic, deterministic.Deterministic()),
    "gaussian": (gaussian, gaussian.Gaussian()),
    "mixture": (mixture, mixture.Mixture(num_components=2)),
}


@pytest.mark.parametrize("kind", sorted(HEADS))
def test_a_linear_map_is_fitted_whatever_the_units_of_the_actions(kind: str) -> None:
    """R², the share of the variance that is explained, is about 1 for each of three joints of one robot."""
    random = np.random.default_rng(0)
    obs = random.uniform(-1.0, 1.0, (2001, 3)).astype(np.float32)
    actions = (CENTER + SCALE * obs[:-1] @ np.linalg.qr(random.normal(size=(3, 3)))[0]).astype(np.float32)
    unlimited, ended = Box(shape=(3,), low=-np.inf, high=np.inf), np.zeros(1, bool)
    demos = Demonstrations(
        obs,
        actions,
        np.zeros(2000, np.float32),
        ended,
        ~ended,
        np.array([2000], np.int32),
        spaces=Spaces(observation=unlimited, action=unlimited),
    )
    module, spec = HEADS[kind]
    head = Build("policy", kind, module.policy, spec, (Build("network", "mlp", network, MLP(hidden=(32,))),))
    fitting = BC(learning_rate=3e-3, num_steps=1500)
    learnt = train(lambda key: imitate(fitting, head, demos, key=key), key=jax.random.key(0))[0]
    predicted = jax.jit(jax.vmap(lambda one: learnt.mode((), one)[1]))(obs[:-1])
    unexplained = ((actions - predicted) ** 2).sum(axis=0) / ((actions - actions.mean(axis=0)) ** 2).sum(axis=0)
    assert (1.0 - unexplained > 0.98).all()
