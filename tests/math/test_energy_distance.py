"""The energy distance has the closed form of shifted Gaussians, and its p-values are uniform without a shift."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

from ilkit.math.energy_distance import energy_distances, energy_test, pairwise


def of_gaussians(shift: float) -> float:
    """E between N(0, 1) and N(shift, 1): X - Y is N(-shift, 2), X - X' is N(0, 2)."""
    spread = np.sqrt(2.0)
    across = spread * np.sqrt(2 / np.pi) * np.exp(-(shift**2) / 4) + shift * (1 - 2 * norm.cdf(-shift / spread))
    return 2 * across - 4 / np.sqrt(np.pi)


def run(first: np.ndarray, second: np.ndarray, seed: int = 0, permutations: int = 199):
    return energy_test(
        first, second, num_permutations=permutations, confidence=0.95, generator=np.random.default_rng(seed)
    )


@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0, 10.0])
def test_the_distance_of_shifted_gaussians(shift: float) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(1, 2000, 1)), shift + rng.normal(size=(1, 2000, 1))
    found = run(first, second, permutations=9)
    assert found.distance[0] == pytest.approx(of_gaussians(shift), abs=0.03 * (1 + shift))


def test_the_distance_is_what_its_sums_say() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(4, 3)), rng.normal(1.0, 2.0, (5, 3))
    together = np.concatenate([x, y])
    split = np.arange(9) < 4
    across = np.mean([np.linalg.norm(a - b) for a in x for b in y])
    within = [np.sum([np.linalg.norm(a - b) for a in z for b in z]) / (len(z) * (len(z) - 1)) for z in (x, y)]
    found = energy_distances(pairwise(together, together), np.stack([split, ~split]))
    np.testing.assert_allclose(found, 2 * across - sum(within), rtol=1e-7)
    np.testing.assert_allclose(run(x[None], y[None]).distance, found[:1], rtol=1e-7)


def test_p_values_are_uniform_and_distances_about_zero_without_a_shift() -> None:
    rng = np.random.default_rng(2)
    tests = [run(*rng.normal(size=(2, 3, 15, 2)), seed=seed, permutations=99) for seed in range(150)]
    assert np.abs(np.mean([one.distance for one in tests])) < 0.01
    assert kstest([one.p_value[0] for one in tests], "uniform").pvalue > 0.01
    assert kstest([one.overall for one in tests], "uniform").pvalue > 0.01
    assert np.mean([(one.adjusted <= 0.1).any() for one in tests]) < 0.17  # of three points together
    assert np.mean([(one.distance > one.critical).mean() for one in tests]) == pytest.approx(0.05, abs=0.03)


def test_a_shift_is_found_where_it_is() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, 6, 20, 2))
    second[4:] += 1.5
    found = run(first, second)
    assert (found.adjusted[4:] < 0.05).all()
    assert (found.adjusted[:4] > 0.05).all()
    assert found.overall == pytest.approx(1 / 200)
    assert (found.distance > found.critical)[4:].all()


def test_equal_points_tell_nothing() -> None:
    found = run(np.ones((2, 4, 3)), np.ones((2, 5, 3)))
    np.testing.assert_array_equal(found.distance, 0.0)
    np.testing.assert_array_equal(found.p_value, 1.0)
    np.testing.assert_array_equal(found.adjusted, 1.0)
