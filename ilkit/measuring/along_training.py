"""How good a policy was along its training, and how far it fell below where it started."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ilkit.data.report import Table
from ilkit.data.seeds import Seeds
from ilkit.math.statistics import interquartile_mean
from ilkit.measuring.comparison import Measurement, Resampling
from ilkit.measuring.curves import Curve


class Fall(NamedTuple):
    """The deepest fall of a policy: how far a seed came below what it started with."""

    lowest: float
    seed: int
    step: int
    """When: in steps of the environment or, where training took none, of its own."""
    start: float
    """What that seed began with."""


class AlongTraining(NamedTuple):
    """The mean outcome over evaluation episodes of a policy as it was at its start, along training and at its end."""

    curve: Curve
    """A row a seed; the first point is the start of training."""
    random: float
    """The mean outcome of random actions."""

    @property
    def start(self) -> float:
        """The interquartile mean over seeds before the first step."""
        return float(self.curve.iqm[0])

    @property
    def fall(self) -> Fall | None:
        """The deepest fall of any seed below its own start; none where no seed was ever below it."""
        rows = self.curve.rows
        changes = rows - rows[:, :1]
        seed, point = np.unravel_index(int(changes.argmin()), rows.shape)
        if changes[seed, point] == 0:
            return None
        return Fall(float(rows[seed, point]), int(seed), int(self.curve.steps[point]), float(rows[seed, 0]))

    @property
    def shares(self) -> Float[np.ndarray, "seeds points"] | None:
        """(outcome - random) / (start - random), each seed by its own start; none where one starts no better."""
        starts = self.curve.rows[:, :1]
        if (starts <= self.random).any():
            return None
        shares: np.ndarray = (self.curve.rows - self.random) / (starts - self.random)
        return shares

    @property
    def lowest_share(self) -> float | None:
        """The lowest share of any seed at any time."""
        return None if self.shares is None else float(self.shares.min())

    def table(self, name: str, outcome: str) -> Table:
        """A row for each seed and point."""
        points = [(seed, point) for seed, point in np.ndindex(self.curve.rows.shape)]
        shares = self.shares
        return {
            "policy": [name] * len(points),
            "seed": [seed for seed, _ in points],
            "steps": [int(self.curve.steps[point]) for _, point in points],
            outcome: [float(self.curve.rows[at]) for at in points],
            "share": ["" if shares is None else float(shares[at]) for at in points],
        }


def along_training(
    seeds: Seeds[Any],
    kept: Sequence[Float[np.ndarray, " seeds"]],
    end: Measurement,
    random: Measurement,
    resampling: Resampling,
) -> AlongTraining:
    """From the mean outcome of each seed at each snapshot, and what was measured in the end.

    `seeds` must have snapshots.
    """
    assert seeds.snapshots is not None
    rows = np.stack([*kept, end.outcomes.mean(axis=1)], axis=1)
    unit = "env_steps" if "env_steps" in seeds.curves else "step"
    before = seeds.snapshots.env_steps if unit == "env_steps" else seeds.snapshots.steps
    steps = np.append(before, seeds.curves[unit][-1]).astype(float)
    short = resampling._replace(num_resamples=min(resampling.num_resamples, 1000))
    curve = Curve(unit, steps, rows, interquartile_mean(rows.T), short.interval(rows.T, interquartile_mean))
    return AlongTraining(curve, float(random.outcomes.mean()))
