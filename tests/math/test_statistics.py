"""The statistics, against closed forms, published values and simulated coverage."""

import numpy as np
import pytest
from scipy.stats import binom

from ilkit.math.statistics import (
    Interval,
    exact_interval,
    interquartile_mean,
    mean,
    percentile_interval,
    probability_of_improvement,
    resample,
    units_for,
    wilson_interval,
)


def interval(samples, statistic=interquartile_mean, confidence=0.95, num_resamples=2000, seed=0):
    resampled = resample(samples, statistic, num_resamples=num_resamples, generator=np.random.default_rng(seed))
    return percentile_interval(resampled, units=samples.shape[-1], confidence=confidence)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([7.0], 7.0),
        ([1.0, 2.0, 9.0], 4.0),
        ([0.0, 1.0, 3.0, 100.0], 2.0),
        ([-50.0, 1.0, 2.0, 6.0, 1000.0], 3.0),
        ([10.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, -90.0], 5.5),
    ],
)
def test_interquartile_mean_leaves_out_a_quarter_at_each_end(samples, expected):
    assert interquartile_mean(np.array(samples)) == expected


def test_interquartile_mean_of_a_uniform_sample_is_its_center():
    samples = np.random.default_rng(0).permutation(np.linspace(0.0, 1.0, 1001))
    assert interquartile_mean(samples) == pytest.approx(0.5, abs=1e-12)


def test_statistics_work_on_the_last_axis():
    samples = np.random.default_rng(0).normal(size=(3, 4, 9))
    assert interquartile_mean(samples).shape == (3, 4)
    assert interquartile_mean(samples)[1, 2] == interquartile_mean(samples[1, 2])
    found = interval(samples)
    assert found.low.shape == (3, 4)
    assert found.low[1, 2] == interval(samples[1, 2]).low


def test_bootstrap_is_repeatable_and_follows_its_seed():
    samples = np.random.default_rng(0).normal(size=20)
    assert interval(samples, seed=1) == interval(samples, seed=1)
    assert interval(samples, seed=1) != interval(samples, seed=2)


def test_bootstrap_moves_and_scales_with_its_samples():
    samples = np.random.default_rng(0).normal(size=12)
    plain, moved = interval(samples), interval(3.0 * samples + 5.0)
    np.testing.assert_allclose(moved, [3.0 * plain.low + 5.0, 3.0 * plain.high + 5.0])


@pytest.mark.parametrize("units", [5, 10, 30])
@pytest.mark.parametrize("draw", ["normal", "standard_t"])
def test_interval_of_the_interquartile_mean_covers_at_its_confidence(units, draw):
    generator = np.random.default_rng(0)
    samples = generator.normal(size=(800, units)) if draw == "normal" else generator.standard_t(3, size=(800, units))
    found = interval(samples, num_resamples=1000)
    assert 0.92 <= np.mean((found.low <= 0.0) & (found.high >= 0.0)) <= 0.99


def test_plain_interval_of_a_mean_would_be_too_narrow():
    samples = np.random.default_rng(0).normal(size=(800, 5))
    resampled = resample(samples, mean, num_resamples=1000, generator=np.random.default_rng(1))
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    assert np.mean((low <= 0.0) & (high >= 0.0)) < 0.87
    found = percentile_interval(resampled, units=5, confidence=0.95)
    assert np.mean((found.low <= 0.0) & (found.high >= 0.0)) > 0.9


def test_interval_of_five_spans_them_and_of_one_has_no_width():
    samples = np.array([3.0, 1.0, 5.0, 2.0, 4.0])
    assert interval(samples, num_resamples=20_000) == (1.0, 5.0)
    assert interval(samples[:1]) == (3.0, 3.0)


def test_intervals_overlap_where_they_share_a_point():
    assert Interval(0.0, 1.0).overlaps(Interval(1.0, 2.0))
    assert not Interval(0.0, 1.0).overlaps(Interval(1.1, 2.0))
    assert not Interval(1.1, 2.0).overlaps(Interval(0.0, 1.0))


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_has_its_published_values(successes, trials, low, high):
    found = wilson_interval(np.array([successes / trials]), trials, confidence=0.95)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_wilson_interval_is_symmetric():
    rates = np.array([[0.3], [0.7], [1.0]])
    low, high = wilson_interval(rates, 10, confidence=0.9)
    assert low[0] == pytest.approx(1.0 - high[1])
    assert high[2] == pytest.approx(1.0)


def test_wilson_interval_of_seeds_takes_them_for_clusters():
    rates = np.array([[0.5, 0.7, 0.9], [0.6, 0.7, 0.8], [0.7, 0.7, 0.7]])
    low, high = wilson_interval(rates, 1000, confidence=0.95)
    n, t = 0.7 * 0.3 * 3 / 0.04, 4.302653  # trials that three seeds with variance 0.04 are worth; t with 2 degrees
    root = t * np.sqrt(0.21 / n + t**2 / (4 * n**2))
    np.testing.assert_allclose([low[0], high[0]], (0.7 + t**2 / (2 * n) + np.array([-root, root])) / (1 + t**2 / n))
    assert (np.diff(high - low) < 0).all()
    assert high[2] - low[2] > 0  # no variance, and yet only 3000 trials


@pytest.mark.parametrize("trials", [1, 5, 20])
def test_exact_interval_covers_whatever_the_proportion(trials):
    proportions, counts = np.linspace(0.0, 1.0, 501)[:, None], np.arange(trials + 1)
    low, high = np.transpose([exact_interval(count, trials, confidence=0.95) for count in counts.tolist()])
    covered = (low <= proportions) & (proportions <= high)
    assert (covered * binom.pmf(counts, trials, proportions)).sum(axis=1).min() >= 0.95 - 1e-9


@pytest.mark.parametrize(("confidence", "units"), [(0.5, 2), (0.9, 5), (0.95, 6), (0.99, 8)])
def test_units_needed_for_a_confidence_are_the_fewest_whose_extremes_hold_the_median(confidence, units):
    assert units_for(confidence) == units
    assert 1 - 2.0 ** (2 - units) < confidence <= 1 - 2.0 ** (1 - units)


def test_probability_of_improvement_counts_pairs_and_half_of_the_ties():
    value, _ = probability_of_improvement(np.array([1.0, 2.0, 3.0]), np.array([2.0, 0.0]), confidence=0.95)
    assert value == pytest.approx((1 + 1.5 + 2) / 6)


def test_probability_of_improvement_solves_the_score_equation():
    generator = np.random.default_rng(0)
    samples, reference = generator.normal(1.0, size=12), generator.normal(size=8)
    estimate, (low, high) = probability_of_improvement(samples, reference, confidence=0.95)
    for theta in (low, high):
        variance = theta * (1 - theta) * (1 + 9 * (1 - theta) / (2 - theta) + 9 * theta / (1 + theta)) / 96
        assert (estimate - theta) ** 2 == pytest.approx(1.959964**2 * variance, rel=1e-6)
    assert low < estimate < high


def test_probability_of_improvement_is_never_certain_of_few_runs():
    value, found = probability_of_improvement(np.arange(5.0) + 10, np.arange(5.0), confidence=0.95)
    assert value == 1.0
    assert 0.5 < found.low < 0.8
    assert found.high == pytest.approx(1.0)
    alone = probability_of_improvement(np.array([1.0]), np.array([0.0]), confidence=0.95)[1]
    assert alone.low < 0.5


def test_interval_of_the_probability_of_improvement_covers_at_its_confidence():
    generator = np.random.default_rng(0)
    true = 0.7602  # Φ(1/√2)
    hits = [
        low <= true <= high
        for _ in range(400)
        for low, high in [
            probability_of_improvement(generator.normal(1.0, size=10), generator.normal(size=10), confidence=0.95)[1]
        ]
    ]
    assert 0.92 <= np.mean(hits) <= 0.99
