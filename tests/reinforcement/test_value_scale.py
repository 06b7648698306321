"""The scale of a critic's outputs: it follows the targets, and values don't change with it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.nn.perceptron import build_silent_layers
from ilkit.reinforcement.value_scale import ValueScale, preserve_values

TARGETS = jnp.asarray(np.random.default_rng(0).normal(-300.0, 40.0, 1000), jnp.float32)


def test_the_first_targets_set_the_scale() -> None:
    scale = ValueScale.empty().add(TARGETS)
    np.testing.assert_allclose([scale.mean, scale.std], [jnp.mean(TARGETS), jnp.std(TARGETS)], rtol=1e-3)
    np.testing.assert_allclose(scale.values(scale.standardize(TARGETS)), TARGETS, rtol=1e-5)


def test_it_follows_targets_that_change() -> None:
    scale = ValueScale.empty().add(TARGETS)
    for _ in range(300):
        scale = scale.add(TARGETS / 10)
    np.testing.assert_allclose([scale.mean, scale.std], [jnp.mean(TARGETS) / 10, jnp.std(TARGETS) / 10], rtol=1e-2)


def test_equal_targets_keep_the_scale_finite() -> None:
    scale = ValueScale.empty().add(jnp.zeros(5))
    assert np.isfinite(scale.standardize(jnp.ones(3))).all()


@pytest.mark.parametrize("size", [1.0, -30.0, 1e6])
@pytest.mark.parametrize("batch", [1, 256, 4096])
def test_the_first_reward_after_a_thousand_zeros_is_at_most_a_hundred_units(size: float, batch: int) -> None:
    zeros = jnp.zeros(batch)
    scale, _ = jax.lax.scan(lambda scale, _: (scale.add(zeros), None), ValueScale.empty(), length=1000)
    first = zeros.at[0].set(size)
    assert jnp.max(jnp.abs(scale.add(first).standardize(first))) <= 100.0


def test_values_stay_the_same_on_another_scale() -> None:
    inputs = jax.random.normal(jax.random.key(1), (20, 3))
    critic = jax.tree.map(lambda leaf: leaf + 0.1, build_silent_layers((3, 8, 1), "tanh", key=jax.random.key(0)))
    old = ValueScale.empty().add(TARGETS)
    new = old.add(TARGETS / 7 + 100)
    moved = preserve_values(critic, old, new)
    np.testing.assert_allclose(new.values(moved(inputs)), old.values(critic(inputs)), rtol=1e-4)
