"""How policies fit recorded actions, as numbers, as a section of the page and in words."""

import numpy as np

from ilkit.data.report import Metrics, Table
from ilkit.data.spaces import Discrete
from ilkit.measuring.fit import FitScore
from ilkit.reporting.findings import Findings
from ilkit.reporting.page import Section, table
from ilkit.reporting.tables import interval_cell, name_cell
from ilkit.reporting.wording import number

_DECIMALS = 3


def fit_section(findings: Findings) -> Section:
    """A row for each action of each policy."""
    discrete = isinstance(findings.actions.spaces.action, Discrete)
    agreement = "mode agrees" if discrete else "R²"
    head = ("policy", "action", agreement, f"{findings.confidence:.0%} interval", *(() if discrete else ("error",)))
    rows = [
        (
            name_cell(name, findings.policies),
            str(action),
            _known(fit.agreement[action]),
            interval_cell(low_and_high, _DECIMALS) if np.isfinite(low_and_high[0]) else "",
            *(() if discrete else (f"{fit.error[action]:.3g}",)),
        )
        for name, fit in findings.fits.items()
        for action, low_and_high in enumerate(zip(*fit.interval, strict=True))
    ]
    losses = ", ".join(f"{fit.loss:.4g} ({name})" for name, fit in findings.fits.items() if np.isfinite(fit.loss))
    meaning = (
        "The share of the steps with an action at which the policy's mode is that action."
        if discrete
        else "R² is the share of an action's variance that the policy's mode explains; the error is its root mean "
        "square, in the units of the action."
    )
    caption = f"On {findings.held_out.told}. {meaning} Averages over training seeds."
    caption += f" Mean loss: {losses}." if losses else ""
    return Section("Fit to recorded actions", table(head, rows), caption)


def fit_metrics(fit: FitScore) -> Metrics:
    """The loss, and the numbers of each action that are known."""
    metrics: dict[str, float | int | str | Metrics] = {"loss": fit.loss} if np.isfinite(fit.loss) else {}
    for action, agreement in enumerate(fit.agreement):
        found = {"agreement": agreement, "low": fit.interval.low[action], "high": fit.interval.high[action]}
        found["error"] = fit.error[action]
        metrics[f"action_{action}"] = {name: float(value) for name, value in found.items() if np.isfinite(value)}
    return metrics


def fit_table(findings: Findings) -> Table:
    """A row for each action of each policy; unknown numbers are `nan`."""
    rows = [
        (name, action, *(float(column[action]) for column in (fit.agreement, *fit.interval, fit.error)))
        for name, fit in findings.fits.items()
        for action in range(len(fit.agreement))
    ]
    names = ("policy", "action", "agreement", "low", "high", "error")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def fit_verdict(findings: Findings) -> str:
    """The fit of each policy in a sentence."""
    discrete = isinstance(findings.actions.spaces.action, Discrete)
    what = "agreement with each action" if discrete else "R² of each action"
    return (
        f"On {findings.held_out.told}, {what}: "
        + "; ".join(f"`{name}` {_range(fit)}" for name, fit in findings.fits.items())
        + "."
    )


def _range(fit: FitScore) -> str:
    known = fit.agreement[np.isfinite(fit.agreement)]
    if not len(known):
        return "unknown, for no action varies"
    ends = [number(end, 2) for end in (known.min(), known.max())]
    return ends[0] if len(known) == 1 else f"{ends[0]} to {ends[1]}"


def _known(value: float) -> str:
    return number(value, _DECIMALS) if np.isfinite(value) else "constant"
