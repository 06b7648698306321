"""Bins of actions: of equal width, of equal counts, one for each of few values."""

import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.spaces import Box
from ilkit.data.windows import Transitions
from ilkit.nn.action_range import ActionRange
from ilkit.nn.bins import Bins

UNBOUNDED = Box(shape=(1,), low=-np.inf, high=np.inf)
UNIT = Box(shape=(1,), low=-1.0, high=1.0)


def recorded(*columns: object, capacity: int = 4096) -> Transitions:
    """Transitions of these actions, entry by entry, whose padding holds what no bin may notice."""
    actions = np.stack([np.asarray(column, np.float32) for column in columns], axis=1)
    padded = np.concatenate([actions, np.full((capacity - len(actions), len(columns)), 7.5, np.float32)])
    nothing, count = jnp.zeros(capacity), jnp.int32(len(actions))
    episode = jnp.zeros(capacity, jnp.int32)
    return Transitions(nothing, jnp.asarray(padded), nothing, nothing > 0, episode, count, jnp.int32(1))


def quantile(space: Box, num_bins: int, *columns: object) -> Bins:
    transitions = recorded(*columns)
    span = ActionRange.of(space).fitted(transitions)
    return Bins.quantile(span, transitions, num_bins).centered(transitions)


def present(bins: Bins, entry: int = 0) -> np.ndarray:
    return np.asarray(bins.widths[entry]) > 0


@pytest.mark.parametrize("space", [UNBOUNDED, UNIT])
def test_few_values_have_a_bin_each(space: Box) -> None:
    values = np.array([-1.0, -0.45, 0.0, 0.45, 0.9], np.float32)
    drawn = np.random.default_rng(0).choice(values, 300, p=[0.01, 0.01, 0.95, 0.01, 0.02])
    bins = quantile(space, 8, np.concatenate([values, drawn]))
    found = np.array([int(bins.of(jnp.array([value]))[0]) for value in values])
    assert len(set(found.tolist())) == 5
    np.testing.assert_array_equal(np.asarray(bins.centers)[0, found], values)
    assert present(bins)[found].all()
    assert present(bins).sum() == 5
    inner = np.asarray(bins.edges)[0, 2:6]
    np.testing.assert_allclose(inner, [-0.725, -0.225, 0.225, 0.675], atol=1e-6)


def test_quantile_bins_hold_as_many_data_each() -> None:
    values = np.random.default_rng(1).normal(size=2000) ** 3
    bins = quantile(UNBOUNDED, 16, values)
    counts = np.histogram(values.astype(np.float32), np.asarray(bins.edges)[0, 1:-1])[0]
    np.testing.assert_array_equal(counts, 125)
    assert present(bins).sum() == 16


def test_a_value_that_fills_several_quantiles_leaves_no_bin_empty() -> None:
    values = np.concatenate([np.zeros(500), np.random.default_rng(2).uniform(-1, 1, 500)])
    bins = quantile(UNBOUNDED, 10, values)
    counts = np.histogram(
        values.astype(np.float32), np.asarray(bins.edges)[0, 1:-1][np.append(True, present(bins)[1:-1])]
    )
    assert counts[0].sum() == 1000
    assert (counts[0] > 0).all()
    assert float(bins.centers[0, int(bins.of(jnp.zeros(1))[0])]) == 0.0


def test_a_constant_entry_has_one_bin() -> None:
    bins = quantile(Box(shape=(2,), low=-np.inf, high=np.inf), 4, np.full(9, 3.0), np.arange(9))
    assert present(bins, 0).sum() == 1
    assert float(bins.centers[0, int(bins.of(jnp.array([3.0, 0.0]))[0])]) == 3.0


def test_data_beyond_the_bounds_lie_in_a_bin() -> None:
    bins = quantile(UNIT, 4, np.linspace(-1.5, 1.25, 50))
    edges = np.asarray(bins.edges)[0]
    assert (np.diff(edges) >= 0).all()
    assert edges[0] <= -1.5
    assert edges[-1] >= 1.25


@pytest.mark.parametrize("num_bins", [2, 7, 64])
def test_uniform_bins_cover_the_bounds_or_the_data(num_bins: int) -> None:
    data = recorded([2.0, 5.0, 3.0], [0.5, 0.25, 0.75])
    span = ActionRange.of(Box(low=(-np.inf, -1.0), high=(np.inf, 3.0))).fitted(data)
    bins = Bins.uniform(span, num_bins)
    np.testing.assert_allclose(bins.widths, np.array([[3.0], [4.0]]) / num_bins * np.ones(num_bins), rtol=1e-5)
    np.testing.assert_array_equal(bins.of(jnp.array([2.0, -1.0])), [0, 0])
    np.testing.assert_array_equal(bins.of(jnp.array([5.0, 3.0])), num_bins - 1)
    np.testing.assert_array_equal(bins.of(jnp.array([99.0, -99.0])), [num_bins - 1, 0])


def test_data_on_the_upper_edge_are_the_center_of_the_last_of_uniform_bins() -> None:
    transitions = recorded([-1.0, 0.0, 1.0, 1.0])
    span = ActionRange.of(UNBOUNDED).fitted(transitions)
    bins = Bins.uniform(span, 64).centered(transitions)
    assert int(bins.of(jnp.array([1.0]))[0]) == 63
    np.testing.assert_array_equal(np.asarray(bins.centers)[0, [0, 32, 63]], [-1.0, 0.0, 1.0])
