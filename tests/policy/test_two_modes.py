"""Densities whose closed forms are known: two modes in one dimension, and two dimensions that agree."""

from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.imitate.bc import BC, imitate
from ilkit.network.mlp import MLP, network
from ilkit.policy import autoregressive, cvae, diffusion, energy, flow, mixture
from ilkit.running.loop import train

pytestmark = pytest.mark.long

OBS = jnp.zeros(1)
SMALL: dict[str, Any] = {"hidden": (32, 32), "features": 4}


def two_modes(count: int, seed: int) -> np.ndarray:
    """±1 + 0.1 N(0, 1)."""
    random = np.random.default_rng(seed)
    return (random.choice([-1.0, 1.0], (count, 1)) + 0.1 * random.normal(size=(count, 1))).astype(np.float32)


def cloned(module: Any, spec: Any, actions: np.ndarray, num_steps: int) -> Policy:
    """The head fitted to these actions in one state."""
    count, size = actions.shape
    spaces = Spaces(observation=Box.symmetric((np.inf,)), action=Box(shape=(size,), low=-np.inf, high=np.inf))
    ended, lengths = np.zeros(1, bool), np.array([count], np.int32)
    obs, rewards = np.zeros((count + 1, 1), np.float32), np.zeros(count, np.float32)
    demos = Demonstrations(obs, actions, rewards, ended, ~ended, lengths, spaces=spaces)
    head = Build("policy", spec.kind, module.policy, spec, (Build("network", "mlp", network, MLP(hidden=())),))
    fitting = BC(learning_rate=3e-3, batch_size=128, num_steps=num_steps, average=True)
    return train(lambda key: imitate(fitting, head, demos, key=key), key=jax.random.key(0))[0]


HEADS = {
    "autoregressive": (autoregressive, autoregressive.Autoregressive(**SMALL), 1000),
    "autoregressive-quantile": (autoregressive, autoregressive.Autoregressive(**SMALL, bins="quantile"), 1000),
    "cvae": (cvae, cvae.CVAE(hidden=(64, 64), features=4), 3000),
    "cvae-mixture": (
        cvae,
        cvae.CVAE(hidden=(32,), features=4, latent=1, prior="learnt", prior_components=2, std=0.1),
        1000,
    ),
    "diffusion": (diffusion, diffusion.Diffusion(**SMALL, num_steps=50), 2000),
    "diffusion-action": (diffusion, diffusion.Diffusion(**SMALL, num_steps=50, predicts="action"), 2000),
    "energy": (energy, energy.Energy(**SMALL, num_negatives=16, num_candidates=64), 1000),
    "energy-gaussian": (
        energy,
        energy.Energy(**SMALL, proposal="gaussian", num_negatives=16, num_candidates=64),
        1000,
    ),
    "flow": (flow, flow.Flow(**SMALL, num_steps=20), 2000),
    "flow-action": (flow, flow.Flow(**SMALL, num_steps=50, predicts="action"), 2000),
    "mixture": (mixture, mixture.Mixture(num_components=2), 1000),
}


@cache
def fitted(name: str) -> Policy:
    module, spec, num_steps = HEADS[name]
    return cloned(module, spec, two_modes(4000, 0), num_steps)


@eqx.filter_jit
def samples(policy: Policy, count: int) -> jax.Array:
    keys = jax.random.split(jax.random.key(1), count)
    return jax.vmap(lambda key: policy.sample((), OBS, key=key)[1])(keys)


@pytest.mark.parametrize("name", HEADS)
def test_samples_hit_both_modes_alike(name: str) -> None:
    drawn, expected = np.sort(np.asarray(samples(fitted(name), 2000))[:, 0]), np.sort(two_modes(2000, 1)[:, 0])
    assert 0.4 < (drawn > 0).mean() < 0.6
    assert np.abs(drawn - expected).mean() < 0.1  # the Wasserstein distance of order 1


@pytest.mark.parametrize(("name", "largest"), [("mixture", -0.17), ("autoregressive", -0.17)])
def test_the_likelihood_is_near_that_of_the_truth(name: str, largest: float) -> None:
    """-0.190 nats is the entropy; held-out actions come from the same distribution."""
    policy = fitted(name)
    held_out = jnp.clip(two_modes(20_000, 2), *(end(two_modes(4000, 0)) for end in (np.min, np.max)))
    found = -jnp.mean(eqx.filter_jit(jax.vmap(lambda action: policy.log_prob((), OBS, action)[1]))(held_out))
    assert -0.21 < float(found) < largest


def test_two_entries_that_agree_are_drawn_so() -> None:
    """With a = (b, b), b = ±1: entries that are drawn by themselves disagree half of the time."""
    side = np.random.default_rng(0).choice(np.array([-1.0, 1.0], np.float32), (1000, 1))
    spec = autoregressive.Autoregressive(**SMALL, num_bins=4, bins="quantile", draw="center")
    policy = cloned(autoregressive, spec, np.repeat(side, 2, axis=1), 500)
    drawn = np.asarray(samples(policy, 4000))
    assert set(drawn.ravel().tolist()) == {-1.0, 1.0}
    assert (drawn[:, 0] != drawn[:, 1]).mean() <= 0.02
    alone = np.random.default_rng(1).permutation(drawn[:, 0])
    assert abs((alone != drawn[:, 1]).mean() - 0.5) < 0.03
    both = jnp.array([[-1.0, -1.0], [1.0, 1.0]])
    log_probs = jax.vmap(lambda action: policy.log_prob((), OBS, action)[1])(both)
    width = 2.0  # a bin around each value, up to the middle between them
    nll = -float(log_probs.mean()) - 2 * np.log(width)
    assert nll == pytest.approx(np.log(2.0), abs=0.05)
