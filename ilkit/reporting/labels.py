"""What the answers of an expert were worth: the return against their number, as a figure and a table."""

import numpy as np

from ilkit.measuring.comparison import Score
from ilkit.measuring.curves import Curve
from ilkit.reporting.figures import draw_learning
from ilkit.reporting.findings import Findings
from ilkit.reporting.page import Section, table
from ilkit.reporting.tables import name_cell
from ilkit.reporting.wording import number

_NEAR = 0.9
"""Of the way from random actions to the expert."""


def labels_section(findings: Findings, returns: dict[str, Curve], drawn: dict[str, Score]) -> Section:
    """The section of the policies that asked an expert, among the scores that are drawn."""
    _, demonstrated = findings.num_demonstrated
    shown = {name: score for name, score in drawn.items() if name != "random"}
    figure = draw_learning(
        returns,
        shown | {name: findings.scores[name] for name in returns},
        findings.policies,
        x_label="labels of the expert",
        y_label="return",
        first=float(demonstrated),
    )
    return Section(
        "Returns against expert labels",
        _labels_table(findings, returns) + figure,
        "The return after each round, by the labels that the expert had given until then, demonstrations included: "
        "interquartile mean over seeds with its interval; thin lines are seeds. Circles and bars: returns as "
        f"evaluated; what didn't ask (dashed) stands at the {demonstrated:,} labels of the demonstrations.",
    )


def _labels_table(findings: Findings, returns: dict[str, Curve]) -> str:
    head = ("policy", "labels", "return after the last round", "best round", f"labels until {_NEAR:.0%} of the expert")
    rows = []
    for name, curve in returns.items():
        best = int(np.argmax(curve.iqm))
        rows.append(
            (
                name_cell(name, findings.policies),
                number(float(curve.steps[-1]), 0),
                number(float(curve.iqm[-1]), findings.decimals),
                f"{number(float(curve.iqm[best]), findings.decimals)} ({best + 1})",
                _labels_until_near(findings, curve),
            )
        )
    return table(head, rows)


def _labels_until_near(findings: Findings, curve: Curve) -> str:
    expert, random = findings.scores.get("expert"), findings.scores.get("random")
    if expert is None or random is None:
        return ""
    near = np.flatnonzero(curve.iqm >= random.iqm + _NEAR * (expert.iqm - random.iqm))
    return number(float(curve.steps[near[0]]), 0) if len(near) else "not reached"
