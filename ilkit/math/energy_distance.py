"""The energy distance between two samples, and whether one distribution can have made both.

    E(X, Y) = 2 E‖X - Y‖ - E‖X - X'‖ - E‖Y - Y'‖ ≥ 0,

0 only where X and Y have one distribution (Székely and Rizzo, Energy Statistics, 2013). Between two samples far apart
it is twice their distance, in the units of the vectors. Estimates are unbiased, and so may be below 0.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float


class EnergyTest(NamedTuple):
    """Distances between two samples at several points, whose units are the same at all of them."""

    distance: Float[np.ndarray, " points"]
    p_value: Float[np.ndarray, " points"]
    """That of each point by itself."""
    adjusted: Float[np.ndarray, " points"]
    """That of the mean distance of all points up to each one, for all of them together: the probability that any is so
    small by chance is no larger."""
    critical: Float[np.ndarray, " points"]
    """The distance which a share, the confidence, of random splits stays below."""
    overall: float
    """The p-value of the mean distance over all points."""


def energy_distances(
    distances: Float[np.ndarray, "units units"], is_first: Bool[np.ndarray, "splits units"]
) -> Float[np.ndarray, " splits"]:
    """E between the units of the first and of the second sample, for each way to split them; two units each at least.

    With n and m units and D the distances between all of them, it is 2 Σ D_xy / nm - Σ D_xx' / n(n - 1) - Σ D_yy' /
    m(m - 1).
    """
    weights = is_first.astype(np.float64)
    n = weights.sum(axis=1)
    m = weights.shape[1] - n
    to_first = weights @ distances
    within = np.sum(to_first * weights, axis=1)
    across = to_first.sum(axis=1) - within
    others = distances.sum() - within - 2.0 * across
    return np.asarray(2.0 * across / (n * m) - within / (n * (n - 1.0)) - others / (m * (m - 1.0)))


def energy_test(
    first: Float[np.ndarray, "points n entries"],
    second: Float[np.ndarray, "points m entries"],
    *,
    num_permutations: int,
    confidence: float,
    generator: np.random.Generator,
) -> EnergyTest:
    """Splits all units at random again and again: under one distribution the given split is one of these.

    A unit, such as an episode, keeps all its points together. The adjusted p-value compares the mean distance up to a
    point, less that of all splits and in units of their standard deviation, with the largest of all points of a random
    split (Westfall and Young, 1993).
    """
    n, m = first.shape[1], second.shape[1]
    is_first = np.zeros((num_permutations + 1, n + m), bool)
    is_first[0, :n] = True
    for row in is_first[1:]:
        row[generator.permutation(n + m)[:n]] = True
    found = np.stack([_at(*pair, is_first) for pair in zip(first, second, strict=True)])
    observed, null = found[:, 0], found[:, 1:]
    so_far = np.cumsum(found, axis=0) / np.arange(1, len(found) + 1)[:, None]
    centered, spread = so_far - so_far.mean(axis=1, keepdims=True), so_far.std(axis=1, keepdims=True)
    scaled = np.divide(centered, spread, out=np.zeros_like(found), where=spread > 0)
    return EnergyTest(
        observed,
        _p_value(observed, null),
        _p_value(scaled[:, 0], np.broadcast_to(scaled[:, 1:].max(axis=0), null.shape)),
        np.quantile(null, confidence, axis=1),
        float(_p_value(so_far[-1:, 0], so_far[-1:, 1:])[0]),
    )


def pairwise(rows: Float[np.ndarray, "n entries"], others: Float[np.ndarray, "m entries"]) -> Float[np.ndarray, "n m"]:
    """The Euclidean distances between the rows of the one and of the other."""
    square = np.sum(rows**2, axis=1)[:, None] + np.sum(others**2, axis=1)[None, :] - 2.0 * rows @ others.T
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def _at(
    first: Float[np.ndarray, "n entries"],
    second: Float[np.ndarray, "m entries"],
    is_first: Bool[np.ndarray, "splits units"],
) -> Float[np.ndarray, " splits"]:
    together = np.concatenate([first, second]).astype(np.float64)
    centered = together - together.mean(axis=0)  # keeps the digits of small distances
    distances = pairwise(centered, centered)
    np.fill_diagonal(distances, 0.0)
    return energy_distances(distances, is_first)


def _p_value(
    observed: Float[np.ndarray, " points"], null: Float[np.ndarray, "points splits"]
) -> Float[np.ndarray, " points"]:
    """The share of splits, the given one included, that are as far apart; never 0."""
    tolerance = 1e-12 + 1e-9 * np.abs(observed[:, None])
    return np.asarray((1.0 + np.sum(null >= observed[:, None] - tolerance, axis=1)) / (null.shape[1] + 1.0))
