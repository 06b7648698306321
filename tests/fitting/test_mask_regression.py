"""Regression of scores on graphs: the closed form, and that graphs are drawn by it."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from ilkit.fitting.mask_regression import MaskRegression

MASKS = jnp.asarray(list(itertools.product((0.0, 1.0), repeat=3)))
WORTH = jnp.array([2.0, -1.0, 0.25])


def searched() -> MaskRegression:
    halves = jnp.split(jnp.arange(8), 2)
    regression = MaskRegression.empty(3)
    for rows in halves:
        regression = regression.add(MASKS[rows], 100.0 + 10.0 * MASKS[rows] @ WORTH)
    return regression


def test_weights_are_those_of_ridge_regression_on_standardized_scores() -> None:
    scores = np.asarray(100.0 + 10.0 * MASKS @ WORTH, np.float64)
    standardized = (scores - scores.mean()) / scores.std()
    columns = np.concatenate([np.ones((8, 1)), MASKS], axis=1)
    expected = np.linalg.solve(columns.T @ columns + np.diag([1e-6, 1, 1, 1]), columns.T @ standardized)
    np.testing.assert_allclose(searched().weights(), expected[1:], rtol=1e-3)
    np.testing.assert_array_equal(searched().found(), [1.0, 0.0, 1.0])


def test_graphs_are_drawn_as_often_as_they_are_likely() -> None:
    drawn = searched().draw(0.5, 20_000, key=jax.random.key(0))
    np.testing.assert_allclose(drawn.mean(axis=0), jax.nn.sigmoid(searched().weights() / 0.5), atol=0.01)
    nothing = MaskRegression.empty(3).draw(0.5, 20_000, key=jax.random.key(0))
    np.testing.assert_allclose(nothing.mean(axis=0), 0.5, atol=0.015)


def test_scores_that_are_all_the_same_say_nothing() -> None:
    regression = MaskRegression.empty(3).add(MASKS, jnp.full(8, 7.0))
    np.testing.assert_allclose(regression.weights(), 0.0, atol=1e-4)
