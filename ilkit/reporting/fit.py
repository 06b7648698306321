"""How policies fit recorded actions, as numbers and in words."""

import numpy as np

from ilkit.data.report import Metrics, Table
from ilkit.data.spaces import Discrete
from ilkit.measuring.fit import FitScore
from ilkit.reporting.columns import by_name
from ilkit.reporting.findings import Findings
from ilkit.reporting.wording import number

DECIMALS = 3


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
    return by_name(("policy", "action", "agreement", "low", "high", "error"), rows)


def fit_verdict(findings: Findings) -> str:
    """The fit of each policy in a sentence."""
    discrete = isinstance(findings.actions.spaces.action, Discrete)
    what = "agreement with each action" if discrete else "R² of each action"
    return (
        f"On {findings.held_out.told}, {what}: "
        + "; ".join(f"`{name}` {range_of(fit)}" for name, fit in findings.fits.items())
        + "."
    )


def range_of(fit: FitScore) -> str:
    """The lowest and the highest agreement that is known."""
    known = fit.agreement[np.isfinite(fit.agreement)]
    if not len(known):
        return "unknown, for no action varies"
    ends = [number(end, 2) for end in (known.min(), known.max())]
    return ends[0] if len(known) == 1 else f"{ends[0]} to {ends[1]}"


def known(value: float) -> str:
    """A number, or that its action never varies."""
    return number(value, DECIMALS) if np.isfinite(value) else "constant"
