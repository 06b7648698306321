"""How far states are from the expert's, as numbers: metrics and tables for DVC, and a few lines for the terminal."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ilkit.data.report import Metrics, Table
from ilkit.measuring.shift import Errors, Shift
from ilkit.reporting.columns import aligned, by_name

Source = Literal["expert", "held_out", "demos"]
REFERENCES: Mapping[Source, str] = {
    "expert": "the expert's",
    "held_out": "those held out",
    "demos": "the demonstrated ones",
}
"""What states are compared with, in words."""


class Places(NamedTuple):
    """Two entries of the states, for a map."""

    dims: tuple[int, int]
    reference: Float[np.ndarray, "points 2"]
    visited: Mapping[str, Float[np.ndarray, "points 2"]]
    left: Mapping[str, Float[np.ndarray, "episodes 2"]]
    """Where episodes leave what the reference has seen."""


class Doubts(NamedTuple):
    """How uncertain the expert's action is at each of the times."""

    visited: Mapping[str, Float[np.ndarray, " times"]]
    """At the states of each policy."""
    reference: Float[np.ndarray, " times"]


class Shifts(NamedTuple):
    """All that was found."""

    task: str
    source: Source
    num_reference: int
    """Episodes of the reference."""
    num_episodes: Mapping[str, int]
    """Episodes of each policy, all training seeds together."""
    confidence: float
    times: Int[np.ndarray, " times"]
    shifts: Mapping[str, Shift]
    errors: Mapping[str, Errors]
    """Nothing where no expert can be asked."""
    doubts: Doubts | None
    """None where nothing says how uncertain the expert's action is."""
    places: Places | None
    returns: Mapping[str, float]
    """The mean return of the episodes that were compared."""


def metrics_of(found: Shifts) -> Metrics:
    """Of each policy how far and how surely its states differ, where episodes leave, and its errors; what is known."""
    return {name: _metrics(found, name) for name in found.shifts}


def _metrics(found: Shifts, name: str) -> Metrics:
    shift, errors = found.shifts[name], found.errors.get(name)
    numbers = {
        "distance": float(shift.test.distance.mean()),
        "p_value": shift.test.overall,
        "onset": shift.onset,
        "departed": shift.departures.share,
        "departure_step": shift.departures.median,
        "return": found.returns[name],
    }
    if errors is not None:
        numbers |= {
            "error": float(errors.own.mean()),
            "error_at_expert_states": float(errors.expert.mean()),
            "error_ratio": errors.ratio,
            "error_growth": errors.growth,
        }
    if found.doubts is not None:
        numbers |= {
            "doubt": float(found.doubts.visited[name].mean()),
            "doubt_at_reference": float(found.doubts.reference.mean()),
        }
    return {key: value for key, value in numbers.items() if np.isfinite(value)}


def tables_of(found: Shifts) -> dict[str, Table]:
    """The distances at every time, and the errors at every step; the mean return where DVC plots returns."""
    rows = [
        (name, *row)
        for name, shift in found.shifts.items()
        for row in zip(
            found.times.tolist(),
            *(column.tolist() for column in shift.test[:4]),
            np.median(shift.departures.nearest, axis=0).tolist(),
            strict=True,
        )
    ]
    head = ("policy", "step", "distance", "p_value", "adjusted", "critical", "nearest")
    erred = [(name, *row) for name, one in found.errors.items() for row in enumerate(one.own.tolist())]
    returns: dict[str, list[float] | list[int]] = {"env_steps": [0]}
    returns |= {name: [value] for name, value in found.returns.items()}
    errors = by_name(("policy", "step", "error"), erred)
    return {"shift": by_name(head, rows), "errors": errors, "learning_curves": returns}


def verdict_of(found: Shifts) -> str:
    """The shift of each policy in plain words; of more than two, which ones surely differ and which errs most there."""
    if len(found.shifts) <= 2:
        return " ".join(_told(found, name) for name in found.shifts)
    onsets = {name: shift.onset for name, shift in found.shifts.items()}
    sure = [f"{name} (by step {onset:.0f})" for name, onset in onsets.items() if np.isfinite(onset)]
    others = [name for name, onset in onsets.items() if not np.isfinite(onset)]
    reference = REFERENCES[found.source]
    told = [f"The states of {', '.join(sure) or 'no policy'} surely differ from {reference}."]
    if sure and others:
        told.append(f"Those of {', '.join(others)} never surely do.")
    ratios = {name: one.ratio for name, one in found.errors.items() if np.isfinite(one.ratio)}
    if ratios:
        most = max(ratios, key=lambda name: ratios[name])
        told.append(f"Where it goes {most} errs {ratios[most]:.2g} times as much as at the expert's states: the most.")
    return " ".join(told)


def _told(found: Shifts, name: str) -> str:
    shift, errors, reference = found.shifts[name], found.errors.get(name), REFERENCES[found.source]
    if not np.isfinite(shift.onset):
        told = f"The states of {name} never surely differ from {reference}"
    else:
        told = f"By step {shift.onset:.0f} the states of {name} surely differ from {reference}"
    told += f" (mean distance {shift.test.distance.mean():.2g}, p = {shift.test.overall:.2g})."
    told += f" {shift.departures.share:.0%} of its episodes leave what these have seen"
    told += f", half of them by step {shift.departures.median:.0f}." if np.isfinite(shift.departures.median) else "."
    if errors is not None and np.isfinite(errors.ratio):
        told += f" Where it goes it errs {errors.ratio:.2g} times as much as at the expert's states."
    return told


def summary_of(found: Shifts) -> str:
    """An aligned table and the verdict."""
    head = ("", "distance", "p", "onset", "episodes that leave", "error", "at expert's states", "return")
    rows = [
        (
            name,
            f"{shift.test.distance.mean():.3g}",
            f"{shift.test.overall:.3g}",
            f"{shift.onset:.0f}" if np.isfinite(shift.onset) else "",
            f"{shift.departures.share:.0%}",
            *(
                (f"{found.errors[name].own.mean():.3g}", f"{found.errors[name].expert.mean():.3g}")
                if name in found.errors
                else ("", "")
            ),
            f"{found.returns[name]:.4g}",
        )
        for name, shift in found.shifts.items()
    ]
    return "\n".join([*aligned([head, *rows], gap=3), verdict_of(found)]) + "\n"
