"""What is told of policies and their goals: numbers, tables and a few lines."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from ilkit.data.report import Metrics, Table
from ilkit.math.statistics import wilson_interval
from ilkit.measuring.curves import Curve
from ilkit.measuring.goals import Along, Attempts, Rate, Scores, Tasks
from ilkit.measuring.published import PublishedShare
from ilkit.reporting.columns import aligned, by_name
from ilkit.reporting.goal_runs import Failures, Places, cell_numbers

REFERENCES = ("expert", "random")


class Reached(NamedTuple):
    """Who reached which goals."""

    task: str
    acting: str
    counts: str
    """What counts as success, `ever` or `at_end`."""
    tolerance: float
    confidence: float
    tasks: Tasks
    attempts: Mapping[str, Attempts]
    hits: Mapping[str, Bool[np.ndarray, "seeds episodes"]]
    """What counted."""
    scores: Mapping[str, Scores]
    along_training: Mapping[str, Curve]
    """Success at the start of training, along it and at its end, of whom it was kept."""
    along_distance: Mapping[str, Along]
    places: Places | None
    failures: Mapping[str, Failures]
    published: Mapping[str, PublishedShare]
    source: str

    @property
    def policies(self) -> tuple[str, ...]:
        """All but the references."""
        return tuple(name for name in self.scores if name not in REFERENCES)

    @property
    def best(self) -> str:
        """The policy that succeeds most often: on held-out pairs, where these are told apart."""
        return max(self.policies, key=lambda name: self.judged(name).rate)

    def judged(self, name: str) -> Rate:
        """What a policy is judged by."""
        one = self.scores[name]
        return one.held_out or one.success

    @property
    def pairs(self) -> tuple[Int[np.ndarray, "pairs 2"], Int[np.ndarray, " episodes"]]:
        """The cells of starts and goals that there were, and which of these pairs each episode was."""
        assert self.places is not None
        cells = [cell_numbers(self.places.cells, places) for places in (self.places.starts, self.places.goals)]
        found, which = np.unique(np.stack(cells, axis=1), axis=0, return_inverse=True)
        return found, which.ravel()


def metrics_of(reached: Reached) -> Metrics:
    """Of each policy its success with both intervals, on seen and held-out pairs, steps and distance."""
    return {name: _metrics(reached, name) for name in reached.scores}


def _metrics(reached: Reached, name: str) -> dict[str, float]:
    one = reached.scores[name]
    found: dict[str, float] = {}
    for label in ("success", "at_end", "ever", "seen", "held_out"):
        rate = getattr(one, label)
        if rate is not None:
            found |= {label: rate.rate, f"{label}_low": rate.wilson.low, f"{label}_high": rate.wilson.high}
        if rate is not None and rate.over_seeds is not None:
            found |= {f"{label}_seeds_low": rate.over_seeds.low, f"{label}_seeds_high": rate.over_seeds.high}
    if one.spl is not None:
        found["spl"] = one.spl
    if np.isfinite(one.steps):
        found["steps"] = one.steps
    found["final_distance"] = one.final_distance
    if name in reached.published:
        found["published"] = reached.published[name].share
    return {label: float(value) for label, value in found.items()}


def tables_of(reached: Reached) -> dict[str, Table]:
    """Success by pair of a start and a goal, and by how far the goal is."""
    found: dict[str, Table] = {"success_by_distance": _distance_table(reached), "episodes": _episode_table(reached)}
    if reached.along_training:
        found["learning_curves"] = _training_table(reached)
    return found if reached.places is None else {**found, "success_by_pair": _pair_table(reached)}


def _training_table(reached: Reached) -> Table:
    rows = [
        (name, int(steps), float(success), float(low), float(high))
        for name, curve in reached.along_training.items()
        for steps, success, low, high in zip(curve.steps, curve.iqm, *curve.interval, strict=True)
    ]
    return by_name(("policy", "steps", "success", "low", "high"), rows)


def _distance_table(reached: Reached) -> Table:
    rows = [
        (name, float(away), rate.rate, float(rate.wilson.low), float(rate.wilson.high))
        for name, along in reached.along_distance.items()
        for away, rate in zip(along.away, along.rates, strict=True)
    ]
    away = "steps_of_shortest_way" if reached.tasks.knows_ways else "distance"
    return by_name(("policy", away, "success", "low", "high"), rows)


def _episode_table(reached: Reached) -> Table:
    """Of each episode what was told, and how many of the seeds of each policy succeeded."""
    tasks = reached.tasks
    columns: dict[str, list[float]] = {}
    for label, rows in (("start", tasks.starts), ("goal", tasks.goals)):
        columns |= {f"{label}_{index}": column.tolist() for index, column in enumerate(rows.T)}
    columns["away"] = tasks.away.tolist()
    if tasks.held_out is not None:
        columns["held_out"] = tasks.held_out.astype(float).tolist()
    return {**columns, **{name: hits.mean(axis=0).tolist() for name, hits in reached.hits.items()}}


def _pair_table(reached: Reached) -> Table:
    assert reached.places is not None
    (pairs, which), columns = reached.pairs, reached.places.cells.columns
    rows = []
    for name, hits in reached.hits.items():
        for number, cells in enumerate(pairs):
            of_pair = hits[:, which == number]
            low, high = wilson_interval(of_pair.mean(axis=0), len(of_pair), confidence=reached.confidence)
            (row, column), (goal_row, goal_column) = (divmod(int(cell), columns) for cell in cells)
            at = (row, column, goal_row, goal_column)
            rows.append((name, *at, of_pair.size, float(of_pair.mean()), float(low), float(high)))
    places = ("start_row", "start_column", "goal_row", "goal_column")
    return by_name(("policy", *places, "episodes", "success", "low", "high"), rows)


def summary_of(reached: Reached) -> str:
    """An aligned table, and the verdict."""
    split = reached.tasks.held_out is not None
    head = ("", "success", "interval", *(("seen", "held out") if split else ()), "at the end", "SPL", "steps")
    rows = []
    for name, one in reached.scores.items():
        low, high = one.success.wilson
        told = ("-" if rate is None else f"{rate.rate:.1%}" for rate in (one.seen, one.held_out))
        rows.append(
            (
                name,
                f"{one.success.rate:.1%}",
                f"{low:.1%} to {high:.1%}",
                *(told if split else ()),
                f"{one.at_end.rate:.1%}",
                "" if one.spl is None else f"{one.spl:.2f}",
                f"{one.steps:.0f}" if np.isfinite(one.steps) else "-",
            )
        )
    return "\n".join([*aligned([head, *rows]), verdict_of(reached).replace("`", "")])


def verdict_of(reached: Reached) -> str:
    """Who reaches the most goals, in plain words."""
    names = sorted(reached.policies, key=lambda name: -reached.judged(name).rate)
    which = "held-out pairs" if reached.tasks.held_out is not None and reached.tasks.held_out.any() else "goals"
    best = names[0]
    nobody = reached.judged(best).rate == 0
    told = [f"`{best}` reaches {_share(reached.judged(best))} of the {which}"]
    if nobody:
        told = [f"No policy reaches any of the {which}"]
    elif len(names) > 1:
        told.append(f"`{names[-1]}` {_share(reached.judged(names[-1]))}")
    if "random" in reached.scores:
        told.append(f"random actions {reached.judged('random').rate:.0%}")
    sentences = [", ".join(told) + "."]
    one = reached.scores[best]
    if not nobody and one.least_steps is not None and np.isfinite(one.steps):
        sentences.append(
            f"Where `{best}` gets there it takes {one.steps:.0f} steps; the shortest way takes {one.least_steps:.0f}."
        )
    return " ".join(sentences)


def _share(rate: Rate) -> str:
    return f"{rate.rate:.0%} ({rate.wilson.low:.0%} to {rate.wilson.high:.0%})"
