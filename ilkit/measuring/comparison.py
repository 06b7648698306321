"""Comparing policies by their returns: scores, and differences in pairs."""

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ilkit.math.statistics import (
    Interval,
    Statistic,
    exact_interval,
    interquartile_mean,
    mean,
    percentile_interval,
    probability_of_improvement,
    resample,
    wilson_interval,
)

REFERENCES = ("expert", "demonstrated")
"""What counts as 1 where scores are normalized: the expert on the same episodes or, without one, what was recorded."""


OUTCOMES = ("return", "success", "length")
"""What policies may be compared by: the first of these that is known."""


class Measurement(NamedTuple):
    """What a policy did: a row per training seed, a column per evaluation episode."""

    outcomes: Float[np.ndarray, "seeds episodes"]
    """What is compared: returns or, where no rewards are known, whether episodes succeeded, or their lengths."""
    lengths: Int[np.ndarray, "seeds episodes"]
    terminated: Bool[np.ndarray, "seeds episodes"]
    success: Float[np.ndarray, "seeds episodes"] | None = None
    """1 where an episode succeeded, 0 where it didn't; none where nobody knows."""

    @property
    def num_seeds(self) -> int:
        """The number of training seeds."""
        return len(self.outcomes)


class Success(NamedTuple):
    """The share of episodes that succeeded, with its score interval; its unit is the seed or, of one, the episode."""

    rate: float
    interval: Interval


class Score(NamedTuple):
    """How good a policy is: the interquartile mean over training seeds of the mean return over episodes.

    With one training seed it is the mean over episodes, and the interval says how far other episodes would differ,
    not how far other seeds would.
    """

    iqm: float
    interval: Interval
    mean: float
    length: float
    normalized: float | None
    """(iqm - random) / (best - random), both references fixed; 0 where they are equal, none without a best one."""
    success: Success | None = None
    """Where the environment says which episodes succeed, or the settings from which return on they do."""


class Comparison(NamedTuple):
    """How a policy differs from a reference."""

    name: str
    reference: str
    difference: float
    """The score of the policy minus that of the reference."""
    interval: Interval
    """Its interval; where the numbers of seeds agree, from draws of the same seeds for both."""
    probability: float
    """The probability that a training run of the policy returns more than one of the reference."""
    probability_interval: Interval
    overlap: bool
    """Whether the intervals of their returns overlap."""
    num_seeds: int
    num_below: int
    """How many seeds of the policy return less than the same seed of the reference; 0 where they aren't paired."""
    below_interval: Interval
    """The interval of the share of seeds that do."""

    @property
    def clear(self) -> bool:
        """Whether the interval of the difference excludes 0."""
        return not self.interval.low <= 0.0 <= self.interval.high


class Resampling(NamedTuple):
    """How intervals are made; each one draws from the seed anew, so that none depends on any other."""

    confidence: float
    num_resamples: int
    seed: int

    def interval(self, samples: Float[np.ndarray, "*batch units"], statistic: Statistic) -> Interval:
        """The interval of a statistic on the last axis."""
        return percentile_interval(
            self._resampled(samples, statistic, 0), units=samples.shape[-1], confidence=self.confidence
        )

    def interval_of_function(
        self,
        samples: Float[np.ndarray, "*batch units"],
        statistic: Statistic,
        function: Callable[[Float[np.ndarray, "resamples *batch"]], Float[np.ndarray, " resamples"]],
    ) -> Interval:
        """The interval of a number made of the statistics of several samples, whose units are drawn together."""
        resampled = function(self._resampled(samples, statistic, 0))
        return percentile_interval(resampled, units=samples.shape[-1], confidence=self.confidence)

    def interval_of_difference(
        self,
        samples: Float[np.ndarray, "*batch units"],
        others: Float[np.ndarray, "*batch others"],
        statistic: Statistic,
        *,
        paired: bool,
    ) -> Interval:
        """The interval of the difference of a statistic; where `paired`, every draw takes the same units of both."""
        return percentile_interval(
            self._resampled(samples, statistic, 0) - self._resampled(others, statistic, 0 if paired else 1),
            units=min(samples.shape[-1], others.shape[-1]),
            confidence=self.confidence,
        )

    def _resampled(
        self, samples: Float[np.ndarray, "*batch units"], statistic: Statistic, stream: int
    ) -> Float[np.ndarray, "resamples *batch"]:
        generator = np.random.default_rng([self.seed, stream])
        return resample(samples, statistic, num_resamples=self.num_resamples, generator=generator)


def score_all(
    measured: Mapping[str, Measurement], resampling: Resampling, success_return: float | None = None
) -> dict[str, Score]:
    """The scores of all policies, normalized by the one of `REFERENCES` that there is, and by `random`."""
    if not measured:
        return {}
    best = next((_estimate(measured[name].outcomes) for name in REFERENCES if name in measured), None)
    random = _estimate(measured["random"].outcomes)
    scores = {}
    for name, one in measured.items():
        iqm = _estimate(one.outcomes)
        normalized = None if best is None or best <= random else (iqm - random) / (best - random)
        interval = resampling.interval(*_units(one.outcomes))
        succeeded = one.success if success_return is None else one.outcomes >= success_return
        success = None if succeeded is None else _success(succeeded > 0, resampling.confidence)
        scores[name] = Score(iqm, interval, float(one.outcomes.mean()), float(one.lengths.mean()), normalized, success)
    return scores


def compare_all(measured: Mapping[str, Measurement], resampling: Resampling) -> list[Comparison]:
    """Every policy against every one before it."""
    return [
        _compare(name, reference, measured[name], measured[reference], resampling)
        for reference, name in combinations(measured, 2)
    ]


def _compare(name: str, reference: str, one: Measurement, other: Measurement, resampling: Resampling) -> Comparison:
    confidence = resampling.confidence
    paired = one.num_seeds == other.num_seeds or 1 in (one.num_seeds, other.num_seeds)
    returns, others = np.broadcast_arrays(one.outcomes, other.outcomes) if paired else (one.outcomes, other.outcomes)
    (samples, statistic), (baseline, _) = _units(returns), _units(others)
    num_seeds = len(returns) if paired else 0
    num_below = int((returns.mean(axis=1) < others.mean(axis=1)).sum()) if paired else 0
    return Comparison(
        name,
        reference,
        float(statistic(samples) - statistic(baseline)),
        resampling.interval_of_difference(samples, baseline, statistic, paired=paired),
        *probability_of_improvement(one.outcomes.mean(axis=1), other.outcomes.mean(axis=1), confidence=confidence),
        resampling.interval(*_units(one.outcomes)).overlaps(resampling.interval(*_units(other.outcomes))),
        num_seeds,
        num_below,
        exact_interval(num_below, num_seeds, confidence=confidence) if paired else Interval(0.0, 1.0),
    )


def _success(succeeded: Bool[np.ndarray, "seeds episodes"], confidence: float) -> Success:
    low, high = wilson_interval(succeeded.mean(axis=1), succeeded.shape[1], confidence=confidence)
    return Success(float(succeeded.mean()), Interval(float(low), float(high)))


def _units(returns: Float[np.ndarray, "seeds episodes"]) -> tuple[np.ndarray, Statistic]:
    """What is resampled: training seeds or, where there is but one, episodes."""
    return (returns[0], mean) if len(returns) == 1 else (returns.mean(axis=1), interquartile_mean)


def _estimate(returns: Float[np.ndarray, "seeds episodes"]) -> float:
    samples, statistic = _units(returns)
    return float(statistic(samples))
