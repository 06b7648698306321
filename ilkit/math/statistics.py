"""Statistics of few training runs: robust averages, and intervals that say how far other runs would differ.

Training runs are few and their returns far from normal, so averages are interquartile means and intervals come from
the bootstrap, whose unit is the run (Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical
Precipice, 2021). Samples lie on the last axis; the generator is an argument, so that every figure is repeatable.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import betaincinv, ndtr, ndtri, stdtrit

Statistic = Callable[[Float[np.ndarray, "*batch units"]], Float[np.ndarray, "*batch"]]


class Interval(NamedTuple):
    """The ends of a confidence interval."""

    low: Any
    high: Any

    def overlaps(self, other: "Interval") -> bool:
        """Whether two intervals have a point in common."""
        return bool(self.low <= other.high and other.low <= self.high)


def mean(samples: Float[np.ndarray, "*batch units"]) -> Float[np.ndarray, "*batch"]:
    """The arithmetic mean."""
    return np.asarray(samples.mean(axis=-1))


def interquartile_mean(samples: Float[np.ndarray, "*batch units"]) -> Float[np.ndarray, "*batch"]:
    """The mean without the ⌊n/4⌋ smallest and the ⌊n/4⌋ largest of n samples; of up to three, the mean of all.

    Less sensitive to outliers than the mean, and more efficient than the median (Agarwal et al., 2021).
    """
    cut = samples.shape[-1] // 4
    kept = np.sort(samples, axis=-1)[..., cut : samples.shape[-1] - cut]
    return np.asarray(kept.mean(axis=-1))


def resample(
    samples: Float[np.ndarray, "*batch units"],
    statistic: Statistic = interquartile_mean,
    *,
    num_resamples: int,
    generator: np.random.Generator,
) -> Float[np.ndarray, "resamples *batch"]:
    """The statistic of `num_resamples` draws of the units with replacement."""
    units = samples.shape[-1]
    drawn = generator.integers(units, size=(num_resamples, units))
    return np.stack([statistic(row[drawn]) for row in samples.reshape(-1, units)], axis=-1).reshape(
        num_resamples, *samples.shape[:-1]
    )


def percentile_interval(resampled: Float[np.ndarray, "resamples *batch"], *, units: int, confidence: float) -> Interval:
    """The *expanded* percentile interval of a statistic of `units` units, from its resamples.

    Its ends are the quantiles α and 1 - α, with Φ⁻¹(α) = √(n/(n-1)) t⁻¹((1 - c)/2; n - 1) for n units and confidence
    c, which undoes the narrowness of the plain interval, α = (1 - c)/2, at few units (Hesterberg, What Teachers
    Should Know About the Bootstrap, 2015). No end lies beyond the extreme samples, between which the median lies with
    probability 1 - 2^(1-n): a confidence of 95 % takes six units, see `units_for`.
    """
    tail = (1.0 - confidence) / 2
    if units > 1:
        tail = float(ndtr(np.sqrt(units / (units - 1)) * stdtrit(units - 1, tail)))
    return Interval(*np.quantile(resampled, [tail, 1.0 - tail], axis=0))


def units_for(confidence: float) -> int:
    """The fewest units n between whose extremes a median lies with this probability, 1 - 2^(1-n) ≥ c."""
    return math.ceil(1.0 - math.log2(1.0 - confidence))


def probability_of_improvement(
    samples: Float[np.ndarray, " units"], reference: Float[np.ndarray, " others"], *, confidence: float
) -> tuple[float, Interval]:
    """P(X > Y) + P(X = Y)/2 for a sample X of one and a sample Y of the other, with its interval.

    The estimate is that of Mann and Whitney (Agarwal et al., 2021). The interval holds every θ that a score test
    doesn't reject, (θ̂ - θ)² ≤ z² V(θ) with n* = (m + n)/2 - 1 and

        V(θ) = θ (1 - θ) (1 + n* (1 - θ)/(2 - θ) + n* θ/(1 + θ)) / (m n),

    so that, other than a bootstrap's, it has a width where every X is above every Y (Newcombe, Confidence intervals
    for an effect size measure based on the Mann-Whitney statistic, part 2, 2006, method 5).
    """
    above = samples[:, None] - reference[None, :]
    estimate = float(np.mean((above > 0) + 0.5 * (above == 0)))
    z = ndtri(0.5 + confidence / 2)
    n = (len(samples) + len(reference)) / 2 - 1

    def accepted(theta: float) -> bool:
        spread = 1 + n * (1 - theta) / (2 - theta) + n * theta / (1 + theta)
        return bool((estimate - theta) ** 2 <= z**2 * theta * (1 - theta) * spread / above.size)

    return estimate, Interval(_edge(accepted, estimate, 0.0), _edge(accepted, estimate, 1.0))


def wilson_interval(rates: Float[np.ndarray, "*batch units"], trials: int, *, confidence: float) -> Interval:
    """The interval of a proportion p̂ from the score test (Wilson, 1927), from each unit's rate in as many trials.

    Its center is (p̂ + z²/2n) / (1 + z²/n), its half width z √(p̂(1 - p̂)/n + z²/4n²) / (1 + z²/n). Of one unit, n is
    the number of its trials and z the normal quantile. Trials of the same unit are alike, so that m units with rates
    of variance s² are worth n = p̂(1 - p̂) m / s² independent trials (Kish, 1965), at most those that there were, and z
    is the quantile of Student's t with m - 1 degrees of freedom (Korn and Graubard, 1998). Other than a bootstrap's,
    it has a width where all rates are equal, and covers where they are near 0 or 1.
    """
    units, proportion = rates.shape[-1], rates.mean(axis=-1)
    effective = np.full(proportion.shape, float(units * trials))
    z = ndtri(0.5 + confidence / 2)
    if units > 1:
        z, variance = stdtrit(units - 1, 0.5 + confidence / 2), rates.var(axis=-1, ddof=1) / units
        np.divide(proportion * (1 - proportion), variance, out=effective, where=variance > 0)
        effective = np.minimum(effective, units * trials)
    shrink = 1 + z**2 / effective
    center = (proportion + z**2 / (2 * effective)) / shrink
    half = z * np.sqrt(proportion * (1 - proportion) / effective + z**2 / (4 * effective**2)) / shrink
    return Interval(np.maximum(center - half, 0.0), np.minimum(center + half, 1.0))


def exact_interval(successes: int, trials: int, *, confidence: float) -> Interval:
    """The interval of a proportion from quantiles of beta distributions (Clopper and Pearson, 1934).

    It covers at its confidence or above whatever the proportion; of five trials, Wilson's covers 84 % near 0 and 1.
    """
    tail, failures = (1.0 - confidence) / 2, trials - successes
    low = betaincinv(successes, failures + 1, tail) if successes else 0.0
    return Interval(float(low), float(betaincinv(successes + 1, failures, 1.0 - tail)) if failures else 1.0)


def _edge(accepted: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where acceptance ends on the way from `inside` to `outside`, by bisection."""
    for _ in range(50):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if accepted(middle) else (inside, middle)
    return inside
