"""Learning curves over training seeds, as numbers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ilkit.data.report import Table
from ilkit.data.seeds import Seeds
from ilkit.math.statistics import Interval, interquartile_mean
from ilkit.measuring.comparison import Resampling, Score

_NUM_RESAMPLES = 1000
_UNITS = ("env_steps", "step")


class Curve(NamedTuple):
    """One quantity during training."""

    unit: str
    """What the steps are: `env_steps` or, where training took none, `step`."""
    steps: Float[np.ndarray, " points"]
    rows: Float[np.ndarray, "seeds points"]
    iqm: Float[np.ndarray, " points"]
    """The interquartile mean over seeds."""
    interval: Interval
    """Its interval, point by point."""

    def at(self, points: Bool[np.ndarray, " points"]) -> "Curve":
        """Some of its points."""
        interval = Interval(*(end[points] for end in self.interval))
        return Curve(self.unit, self.steps[points], self.rows[:, points], self.iqm[points], interval)


def read_curves(seeds: Seeds[Any], resampling: Resampling) -> dict[str, Curve]:
    """Every quantity that training recorded; none where nothing was trained."""
    recorded = {name: np.asarray(rows, np.float64) for name, rows in seeds.curves.items()}
    unit = next((name for name in _UNITS if name in recorded), "")
    if not unit or not recorded[unit].size:
        return {}
    short = resampling._replace(num_resamples=min(resampling.num_resamples, _NUM_RESAMPLES))
    return {
        name: Curve(unit, recorded[unit], rows, interquartile_mean(rows.T), short.interval(rows.T, interquartile_mean))
        for name, rows in recorded.items()
        if name not in _UNITS
    }


def training_table(curves: Mapping[str, Curve]) -> Table:
    """The steps, and for each quantity its interquartile mean and the ends of the interval.

    The return is left empty until every seed has ended an episode.
    """
    first = next(iter(curves.values()))
    columns: dict[str, list[Any]] = {first.unit: first.steps.astype(int).tolist()}
    for name, curve in curves.items():
        numbers = {name: curve.iqm.tolist()} | _ends(name, curve.interval)
        told = _told(curves) if name == "return" else np.ones(len(curve.steps), bool)
        columns |= {
            label: [value if known else "" for value, known in zip(column, told, strict=True)]
            for label, column in numbers.items()
        }
    return columns


def returns_against_env_steps(curves: Mapping[str, Mapping[str, Curve]]) -> dict[str, Curve]:
    """The curve of the return of each policy that was trained in the environment, once all seeds ended an episode."""
    found = {}
    for name, recorded in curves.items():
        known = drawable(recorded)
        if "return" in known and known["return"].unit == "env_steps":
            found[name] = known["return"]
    return found


def drawable(recorded: Mapping[str, Curve]) -> dict[str, Curve]:
    """The curves of a policy, that of the return from where all seeds ended an episode; without it where none did."""
    if "return" not in recorded:
        return dict(recorded)
    told = _told(recorded)
    others = {name: curve for name, curve in recorded.items() if name != "return"}
    return {**others, "return": recorded["return"].at(told)} if told.any() else others


def returns_against_labels(curves: Mapping[str, Mapping[str, Curve]]) -> dict[str, Curve]:
    """The curve of the return of each policy that asked an expert, against the labels that it had, those of the
    demonstrations among them."""
    found = {}
    for name, recorded in curves.items():
        if {"return", "labels", "demonstrated"} <= set(recorded):
            labels = recorded["labels"].iqm + recorded["demonstrated"].iqm
            found[name] = recorded["return"]._replace(unit="labels", steps=labels)
    return found


def labels_table(curves: Mapping[str, Curve]) -> Table:
    """A row for each round of each policy: its labels, and its return with the ends of the interval."""
    return {
        "policy": [name for name, curve in curves.items() for _ in curve.steps],
        "labels": [number for curve in curves.values() for number in curve.steps.tolist()],
        "return": [number for curve in curves.values() for number in curve.iqm.tolist()],
        "low": [number for curve in curves.values() for number in curve.interval.low.tolist()],
        "high": [number for curve in curves.values() for number in curve.interval.high.tolist()],
    }


def noise_during_training(
    curves: Mapping[str, Mapping[str, Curve]], resampling: Resampling
) -> dict[str, tuple[int, float, Interval]]:
    """The environment steps of each policy's training and the root mean square of its noise, over all of them."""
    found = {}
    for name, recorded in curves.items():
        if "noise_scale" in recorded and recorded["noise_scale"].unit == "env_steps":
            curve = recorded["noise_scale"]
            scales = np.sqrt(np.mean(curve.rows**2, axis=1))
            interval = resampling.interval(scales, interquartile_mean)
            found[name] = (int(curve.steps[-1]), float(interquartile_mean(scales)), interval)
    return found


def returns_table(curves: Mapping[str, Curve], scores: Mapping[str, Score | None]) -> Table:
    """The return of every policy against steps of the environment, on one grid.

    A policy that took no such steps stays at its score, NaN where it has none; one that took fewer stays where it
    ended, and is NaN before its first point.
    """
    grid = max((curve.steps for curve in curves.values()), key=lambda steps: steps[-1], default=np.zeros(1))
    columns: dict[str, list[float] | list[int]] = {"env_steps": grid.astype(int).tolist()}
    for name, score in scores.items():
        levels = (np.nan,) * 3 if score is None else (score.iqm, *score.interval)
        steps, (level, *ends), before = np.zeros(1), [np.array([one]) for one in levels], levels[0]
        if name in curves:
            steps, level, ends, before = curves[name].steps, curves[name].iqm, [*curves[name].interval], np.nan
        level, *ends = (np.interp(grid, steps, column, left=before) for column in (level, *ends))
        columns |= {name: level.tolist(), **_ends(name, Interval(*ends))}
    return columns


def _told(recorded: Mapping[str, Curve]) -> Bool[np.ndarray, " points"]:
    """Where the return is known in all seeds: a point is a mean over a window of steps, which may begin without one."""
    if "episodes" not in recorded:
        return np.ones(len(recorded["return"].steps), bool)
    known = np.asarray((recorded["episodes"].rows > 0).all(axis=0))
    return np.roll(known, 1) & (np.arange(len(known)) > 0)


def _ends(name: str, interval: Interval) -> dict[str, list[float] | list[int]]:
    return {f"{name}_low": interval.low.tolist(), f"{name}_high": interval.high.tolist()}
