"""How policies fit recorded actions, as a section of the page: apart from the numbers, which import no figures."""

import numpy as np

from ilkit.data.spaces import Discrete
from ilkit.reporting.findings import Findings
from ilkit.reporting.fit import DECIMALS, known
from ilkit.reporting.page import Section, table
from ilkit.reporting.tables import interval_cell, name_cell


def fit_section(findings: Findings) -> Section:
    """A row for each action of each policy."""
    discrete = isinstance(findings.actions.spaces.action, Discrete)
    agreement = "mode agrees" if discrete else "R²"
    head = ("policy", "action", agreement, f"{findings.confidence:.0%} interval", *(() if discrete else ("error",)))
    rows = [
        (
            name_cell(name, findings.policies),
            str(action),
            known(fit.agreement[action]),
            interval_cell(low_and_high, DECIMALS) if np.isfinite(low_and_high[0]) else "",
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
