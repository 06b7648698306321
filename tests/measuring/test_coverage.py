"""Every interval that a report gives covers, of five training seeds, what it says it does: by simulation."""

import numpy as np
import pytest
from scipy.special import ndtr

from ilkit.data.seeds import Seeds
from ilkit.math.statistics import interquartile_mean, wilson_interval
from ilkit.measuring.comparison import Measurement, Resampling, compare_all, score_all
from ilkit.measuring.curves import noise_during_training, read_curves

SEEDS, EPISODES = 5, 64
RESAMPLING = Resampling(confidence=0.95, num_resamples=500, seed=0)
POPULATIONS = {
    "normal": lambda generator, shape: generator.normal(size=shape),
    "heavy-tailed": lambda generator, shape: generator.standard_t(3, size=shape),
    "skewed": lambda generator, shape: generator.exponential(size=shape),
    "one run in five fails": lambda generator, shape: (
        0.05 * generator.normal(size=shape) - (generator.random(shape) < 0.2)
    ),
}


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.fixture(params=POPULATIONS)
def draw(request, generator):
    return lambda *shape: POPULATIONS[request.param](generator, shape)


def center(samples):
    """The mean of the middle half of a population."""
    middle = np.sort(samples)[len(samples) // 4 : -len(samples) // 4]
    return middle.mean()


def measure(returns):
    return Measurement(returns, np.ones(returns.shape, int), np.zeros(returns.shape, bool))


def coverage(intervals, truth):
    low, high = np.transpose([tuple(interval) for interval in intervals])
    return np.mean((low <= truth) & (truth <= high))


def test_returns(draw):
    measured = {f"run {index}": measure(draw(SEEDS, 1)) for index in range(400)}
    scores = score_all({**measured, "random": measure(draw(1, 1))}, RESAMPLING)
    assert 0.9 <= coverage([scores[name].interval for name in measured], center(draw(200_000))) <= 0.99


def test_learning_curves(draw):
    points = 2000
    curves = {"step": np.arange(points), "loss": draw(SEEDS, points)}
    low, high = read_curves(Seeds(None, curves, SEEDS), RESAMPLING)["loss"].interval
    truth = center(draw(200_000))
    assert 0.9 <= np.mean((low <= truth) & (truth <= high)) <= 0.99


def test_noise(generator):
    def scales(*shape):
        return np.exp(0.5 * generator.normal(size=shape))

    curves = {
        f"run {index}": read_curves(
            Seeds(None, {"env_steps": np.ones(1), "noise_scale": scales(SEEDS, 1)}, SEEDS), short
        )
        for index in range(400)
        for short in [RESAMPLING._replace(num_resamples=1)]
    }
    found = noise_during_training(curves, RESAMPLING)
    assert 0.9 <= coverage([interval for _, _, interval in found.values()], center(scales(200_000))) <= 0.99


@pytest.mark.parametrize(("shift", "spread", "correlation"), [(0.0, 1.0, 0.0), (2.0, 0.2, 0.8), (1.0, 3.0, 0.8)])
def test_comparisons_of_paired_seeds(generator, shift, spread, correlation):
    pairs = []
    for _ in range(300):
        shared = np.sqrt(correlation) * generator.normal(size=(SEEDS, 1))
        first, second = (shared + np.sqrt(1 - correlation) * generator.normal(size=(SEEDS, 1)) for _ in range(2))
        pairs += compare_all({"a": measure(first), "b": measure(shift + spread * second)}, RESAMPLING)
    assert coverage([pair.interval for pair in pairs], shift) >= 0.9
    # The probability of improvement is that of one run against any other, not against its pair.
    assert coverage([pair.probability_interval for pair in pairs], ndtr(shift / np.hypot(1.0, spread))) >= 0.9
    variance = 1 + spread**2 - 2 * spread * correlation
    assert coverage([pair.below_interval for pair in pairs], ndtr(-shift / np.sqrt(variance))) >= 0.95


@pytest.mark.parametrize("others", [3, 8])
def test_differences_of_seeds_that_are_not_paired(draw, others):
    samples, references = draw(2000, SEEDS), draw(2000, others)
    low, high = RESAMPLING.interval_of_difference(samples, references, interquartile_mean, paired=False)
    assert np.mean((low <= 0) & (high >= 0)) >= 0.9


@pytest.mark.parametrize(
    ("rate", "spread"), [(0.5, 0.15), (0.8, 0.15), (0.9, 0.1), (0.05, 0.05), (0.99, 0.01), (0.998, 0.0), (0.5, 0.0)]
)
def test_success_rates_that_differ_between_seeds(generator, rate, spread):
    """Of all episodes in one, the interval would cover 55 % at a rate of 0.5 with a deviation of 0.15."""
    rates = np.full((4000, SEEDS), rate)
    if spread:
        strength = rate * (1 - rate) / spread**2 - 1
        rates = generator.beta(rate * strength, (1 - rate) * strength, size=rates.shape)
    low, high = wilson_interval(generator.binomial(EPISODES, rates) / EPISODES, EPISODES, confidence=0.95)
    assert np.mean((low <= rate) & (rate <= high)) >= 0.93


def test_success_of_a_report_covers(generator):
    rates = np.clip(generator.normal(0.5, 0.15, size=(400, SEEDS, 1)), 0, 1)
    measured = {
        f"run {index}": measure((generator.random((SEEDS, EPISODES)) < one).astype(float))
        for index, one in enumerate(rates)
    }
    scores = score_all({**measured, "random": measure(np.zeros((1, 1)))}, RESAMPLING._replace(num_resamples=2), 1.0)
    assert coverage([scores[name].success.interval for name in measured], 0.5) >= 0.9
