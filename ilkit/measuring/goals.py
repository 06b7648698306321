"""Which goals were reached: of whom, from where, when, and how far from the shortest way."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ilkit.math.statistics import Interval, mean, wilson_interval
from ilkit.measuring.comparison import Resampling


class Tasks(NamedTuple):
    """What all policies were told, a row for each episode."""

    starts: Float[np.ndarray, "episodes goal"]
    """What was achieved at the start."""
    goals: Float[np.ndarray, "episodes goal"]
    away: Float[np.ndarray, " episodes"]
    """How far the goal is: the steps of the shortest way or, where nobody knows it, the distance in units of goals."""
    knows_ways: bool
    held_out: Bool[np.ndarray, " episodes"] | None
    """Which pairs of a start and a goal the data were recorded without; none where that isn't asked."""

    @property
    def split(self) -> tuple[Bool[np.ndarray, " episodes"] | None, Bool[np.ndarray, " episodes"] | None]:
        """Which pairs are seen, and which are held out."""
        return (None, None) if self.held_out is None else (np.logical_not(self.held_out), self.held_out)


class Attempts(NamedTuple):
    """What came of it, a row for each training seed and a column for each episode."""

    at_end: Bool[np.ndarray, "seeds episodes"]
    """Whether the episode ended at the goal."""
    ever: Bool[np.ndarray, "seeds episodes"]
    """Whether it was there at any time."""
    steps: Int[np.ndarray, "seeds episodes"]
    """After how many steps it was there first; 0 where it never was."""
    final_distance: Float[np.ndarray, "seeds episodes"]
    """How far from the goal it ended, in units of goals."""

    def succeeded(self, counts: str) -> Bool[np.ndarray, "seeds episodes"]:
        """What counts as success: to be at the goal `at_end`, or `ever`."""
        found: np.ndarray = getattr(self, counts)
        return found


class Rate(NamedTuple):
    """A share of episodes."""

    rate: float
    wilson: Interval
    """The score interval over pairs of start and goal, each of which all seeds were told."""
    over_seeds: Interval | None
    """The interval of the bootstrap over training seeds; none where there is but one."""
    num_episodes: int
    """How many episodes each seed had."""


class Scores(NamedTuple):
    """How well a policy reaches its goals."""

    success: Rate
    at_end: Rate
    ever: Rate
    seen: Rate | None
    """On the pairs that aren't held out; none where nobody asks, or there are none."""
    held_out: Rate | None
    spl: float | None
    """Success weighted by path length, in steps (Anderson et al., On evaluation of embodied navigation agents, 2018):
    the mean over episodes of S ℓ / max(p, ℓ), S whether it was at the goal after p steps, ℓ those of the shortest
    way; none where nobody knows that."""
    spl_interval: Interval | None
    steps: float
    """The mean steps to the goal where it was reached; NaN where it never was."""
    least_steps: float | None
    """The mean of the shortest ways of the same episodes."""
    final_distance: float
    """The median over episodes of all seeds."""


class Along(NamedTuple):
    """Success against how far the goal is, in groups of episodes."""

    away: Float[np.ndarray, " groups"]
    """The mean of each group."""
    rates: tuple[Rate, ...]


def attempts_of(
    distances: Float[np.ndarray, "episodes times"], lengths: Int[np.ndarray, " episodes"], tolerance: float
) -> Attempts:
    """What came of the episodes of one seed, from the distance of each observation from its goal, the first included.

    Where an episode starts doesn't count: it is at the goal from the first step on, if at all.
    """
    times = np.arange(distances.shape[1])
    counted: np.ndarray = (times > 0) & (times <= lengths[:, None])
    near: np.ndarray = distances <= tolerance * (1 + 1e-6) + 1e-9
    there = counted & near
    last = distances[np.arange(len(there)), lengths]
    at_end = there[np.arange(len(there)), lengths]
    return Attempts(*(one[None] for one in (at_end, there.any(axis=1), there.argmax(axis=1), last)))


def stacked(seeds: list[Attempts]) -> Attempts:
    """Those of all seeds."""
    return Attempts(*(np.concatenate(columns) for columns in zip(*seeds, strict=True)))


def rate_of(hits: Bool[np.ndarray, "seeds episodes"], resampling: Resampling) -> Rate:
    """The share of hits, with its intervals."""
    rates = hits.mean(axis=1)
    low, high = wilson_interval(hits.mean(axis=0), len(hits), confidence=resampling.confidence)
    over_seeds = resampling.interval(rates, mean) if len(rates) > 1 else None
    return Rate(float(rates.mean()), Interval(float(low), float(high)), over_seeds, hits.shape[1])


def _rate_within(
    hits: Bool[np.ndarray, "seeds episodes"], group: Bool[np.ndarray, " episodes"], resampling: Resampling
) -> Rate | None:
    return rate_of(hits[:, group], resampling) if group.any() else None


def score(tasks: Tasks, attempts: Attempts, counts: str, resampling: Resampling) -> Scores:
    """All that is said of a policy."""
    success = attempts.succeeded(counts)
    ever = attempts.ever
    seen, held_out = (None if group is None else _rate_within(success, group, resampling) for group in tasks.split)
    spl = spl_interval = least = None
    if tasks.knows_ways:
        weighted = _spl(tasks, attempts)
        seeds = weighted.mean(axis=1)
        spl, units = float(seeds.mean()), seeds if len(seeds) > 1 else weighted[0]
        spl_interval = Interval(*map(float, resampling.interval(units, mean)))
        least = float(np.broadcast_to(tasks.away, ever.shape)[ever].mean()) if ever.any() else float("nan")
    return Scores(
        success=rate_of(success, resampling),
        at_end=rate_of(attempts.at_end, resampling),
        ever=rate_of(ever, resampling),
        seen=seen,
        held_out=held_out,
        spl=spl,
        spl_interval=spl_interval,
        steps=float(attempts.steps[ever].mean()) if ever.any() else float("nan"),
        least_steps=least,
        final_distance=float(np.median(attempts.final_distance)),
    )


def by_distance(
    tasks: Tasks, hits: Bool[np.ndarray, "seeds episodes"], num_groups: int, resampling: Resampling
) -> Along:
    """Success in groups of about as many episodes each, from the nearest goals to the farthest."""
    order = np.argsort(tasks.away, kind="stable")
    groups = [group for group in np.array_split(order, num_groups) if len(group)]
    return Along(
        np.asarray([tasks.away[group].mean() for group in groups]),
        tuple(rate_of(hits[:, group], resampling) for group in groups),
    )


def _spl(tasks: Tasks, attempts: Attempts) -> Float[np.ndarray, "seeds episodes"]:
    weighted: np.ndarray = np.where(attempts.ever, tasks.away / np.maximum(attempts.steps, tasks.away), 0.0)
    return weighted
