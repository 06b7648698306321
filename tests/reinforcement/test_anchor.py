"""What a policy is held near."""

import jax.numpy as jnp
import numpy as np

from ilkit.reinforcement.anchor import anchor_of, faded
from ilkit.testing.problems import tracking_expert


def test_an_anchor_is_dropped_without_a_weight_and_kept_at_weight_zero() -> None:
    assert anchor_of(tracking_expert("continuous"), None) is None
    anchor = anchor_of(tracking_expert("continuous"), 0.0)
    assert anchor is not None
    assert float(anchor.weight) == 0.0


def test_the_weight_of_an_anchor_halves_with_each_half_life() -> None:
    anchor = anchor_of(tracking_expert("continuous"), 0.8)
    assert anchor is not None
    weights = [float(faded(anchor, jnp.asarray(step), 50.0)) for step in (-20, 0, 50, 100)]
    np.testing.assert_allclose(weights, [0.8, 0.8, 0.4, 0.2], rtol=1e-6)
    assert float(faded(anchor, jnp.asarray(100), None)) == np.float32(0.8)
