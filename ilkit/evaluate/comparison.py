"""Comparing policies by their returns: scores, differences in pairs, and what they say in one sentence."""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ilkit.math.statistics import (
    Interval,
    Statistic,
    interquartile_mean,
    mean,
    percentile_interval,
    probability_of_improvement,
    resample,
    wilson_interval,
)


class Measurement(NamedTuple):
    """What a policy did: a row per training seed, a column per evaluation episode."""

    returns: Float[np.ndarray, "seeds episodes"]
    lengths: Int[np.ndarray, "seeds episodes"]
    terminated: Bool[np.ndarray, "seeds episodes"]

    @property
    def num_seeds(self) -> int:
        """The number of training seeds."""
        return len(self.returns)


class Score(NamedTuple):
    """How good a policy is: the interquartile mean over training seeds of the mean return over episodes.

    With one training seed it is the mean over episodes, and the interval says how far other episodes would differ,
    not how far other seeds would.
    """

    iqm: float
    interval: Interval
    mean: float
    length: float
    normalized: float
    """(iqm - random) / (expert - random), both references fixed; 0 where they are equal."""


class Comparison(NamedTuple):
    """How a policy differs from a reference."""

    name: str
    reference: str
    difference: float
    """The interquartile mean of policy minus reference, in pairs of seeds where their numbers agree."""
    interval: Interval
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

    def interval_of_difference(
        self, samples: Float[np.ndarray, " units"], others: Float[np.ndarray, " others"], statistic: Statistic
    ) -> Interval:
        """The interval of the difference of a statistic of two independent samples."""
        return percentile_interval(
            self._resampled(samples, statistic, 0) - self._resampled(others, statistic, 1),
            units=min(len(samples), len(others)),
            confidence=self.confidence,
        )

    def _resampled(
        self, samples: Float[np.ndarray, "*batch units"], statistic: Statistic, stream: int
    ) -> Float[np.ndarray, "resamples *batch"]:
        generator = np.random.default_rng([self.seed, stream])
        return resample(samples, statistic, num_resamples=self.num_resamples, generator=generator)


def score_all(measured: Mapping[str, Measurement], resampling: Resampling) -> dict[str, Score]:
    """The scores of all policies, normalized by those named `expert` and `random`."""
    expert, random = (_estimate(measured[name].returns) for name in ("expert", "random"))
    scores = {}
    for name, one in measured.items():
        iqm = _estimate(one.returns)
        normalized = (iqm - random) / (expert - random) if expert != random else 0.0
        interval = resampling.interval(*_units(one.returns))
        scores[name] = Score(iqm, interval, float(one.returns.mean()), float(one.lengths.mean()), normalized)
    return scores


def compare_all(measured: Mapping[str, Measurement], resampling: Resampling) -> list[Comparison]:
    """Every policy against every one before it."""
    return [
        _compare(name, reference, measured[name], measured[reference], resampling)
        for reference, name in combinations(measured, 2)
    ]


def verdict(scores: Mapping[str, Score], comparisons: list[Comparison], *, confidence: float, decimals: int) -> str:
    """Which policy is best and by how much, in plain words and whatever the outcome."""
    ranked = sorted(scores, key=lambda name: -scores[name].iqm)
    best = ranked[0]
    if len(ranked) == 1:
        score = f"{scores[best].iqm:.{decimals}f} ({_told(scores[best].interval, confidence, decimals)})"
        return f"`{best}` returns {score}, {scores[best].normalized:.0%} of the way from random to expert."
    against = [_as_seen_from(best, one) for one in comparisons if best in (one.name, one.reference)]
    against.sort(key=lambda one: ranked.index(one.reference))
    opening = f"`{best}` is best: it" if against[0].clear else f"No policy is clearly best: `{best}`"
    margins = ", and ".join(_margin(one, confidence, decimals) for one in against)
    overlap = "overlap" if against[0].overlap else "don't overlap"
    sentences = [f"{opening} returns {margins}.", f"The intervals of `{best}` and `{against[0].reference}` {overlap}."]
    first = next(iter(scores))
    paired = [one for one in comparisons if one.reference == first and one.num_seeds > 1]
    if paired:
        below = ", ".join(f"{one.num_below} of {one.num_seeds} (`{one.name}`)" for one in paired)
        sentences.append(f"Seeds that end below `{first}`: {below}.")
    return " ".join(sentences)


def _margin(one: Comparison, confidence: float, decimals: int) -> str:
    doubt = "" if one.clear else ", no clear difference"
    word, sign = ("more", 1.0) if one.difference >= 0 else ("less", -1.0)
    interval = Interval(*sorted(sign * end for end in one.interval))
    told = f"{_told(interval, confidence, decimals)}{doubt}"
    return f"{abs(one.difference):.{decimals}f} {word} than `{one.reference}` ({told})"


def _told(interval: Interval, confidence: float, decimals: int) -> str:
    return f"{confidence:.0%} interval {interval.low:.{decimals}f} to {interval.high:.{decimals}f}"


def _as_seen_from(name: str, one: Comparison) -> Comparison:
    if one.name == name:
        return one
    low, high = one.interval
    return one._replace(name=name, reference=one.name, difference=-one.difference, interval=Interval(-high, -low))


def _compare(name: str, reference: str, one: Measurement, other: Measurement, resampling: Resampling) -> Comparison:
    confidence = resampling.confidence
    samples, others = one.returns.mean(axis=1), other.returns.mean(axis=1)
    paired = one.num_seeds == other.num_seeds or 1 in (one.num_seeds, other.num_seeds)
    if paired:
        differences = one.returns - other.returns
        difference, interval = _estimate(differences), resampling.interval(*_units(differences))
        num_seeds, num_below = len(differences), int((samples < others).sum())
    else:
        difference = _estimate(one.returns) - _estimate(other.returns)
        interval = resampling.interval_of_difference(samples, others, interquartile_mean)
        num_seeds, num_below = 0, 0
    return Comparison(
        name,
        reference,
        difference,
        interval,
        *probability_of_improvement(samples, others, confidence=confidence),
        resampling.interval(*_units(one.returns)).overlaps(resampling.interval(*_units(other.returns))),
        num_seeds,
        num_below,
        wilson_interval(num_below, num_seeds, confidence=confidence) if paired else Interval(0.0, 1.0),
    )


def _units(returns: Float[np.ndarray, "seeds episodes"]) -> tuple[np.ndarray, Statistic]:
    """What is resampled: training seeds or, where there is but one, episodes."""
    return (returns[0], mean) if len(returns) == 1 else (returns.mean(axis=1), interquartile_mean)


def _estimate(returns: Float[np.ndarray, "seeds episodes"]) -> float:
    samples, statistic = _units(returns)
    return float(statistic(samples))
