"""The pieces of proximal policy optimization."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.reinforcement.permutations import permutations
from ilkit.reinforcement.proximal import clipped_loss


@pytest.mark.parametrize("size", [1, 2, 12, 64, 1000])
def test_permutations_hold_every_index_once(size: int) -> None:
    found = permutations(5, size, key=jax.random.key(0))
    np.testing.assert_array_equal(jnp.sort(found, axis=-1), np.arange(size)[None].repeat(5, 0))


def test_permutations_are_uniform_and_independent() -> None:
    found = np.asarray(permutations(6000, 4, key=jax.random.key(0)))
    counts = np.stack([(found == value).mean(axis=0) for value in range(4)])
    np.testing.assert_allclose(counts, 0.25, atol=0.02)
    assert len(np.unique(found, axis=0)) == 24


def _loss(log_ratios: list[float], advantages: list[float]) -> tuple[float, np.ndarray]:
    arguments = jnp.asarray(advantages), 0.2
    value, gradient = jax.value_and_grad(clipped_loss)(jnp.asarray(log_ratios), *arguments)
    return float(value), np.asarray(gradient)


def test_a_ratio_of_one_gives_the_policy_gradient() -> None:
    value, gradient = _loss([0.0, 0.0, 0.0, 0.0], [3.0, 1.0, 3.0, 1.0])
    assert value == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(gradient, [-0.25, 0.25, -0.25, 0.25], atol=1e-6)


def test_a_ratio_beyond_the_clip_stops_pulling_further_but_comes_back() -> None:
    high, low = float(np.log(1.5)), float(np.log(0.5))
    _, gradient = _loss([high, high, low, low], [3.0, 1.0, 3.0, 1.0])
    np.testing.assert_allclose(gradient, [0.0, 1.5 / 4, -0.5 / 4, 0.0], atol=1e-6)
