"""The section on policies as they were along their training: how good they were, and how far they fell."""

from collections.abc import Iterator, Mapping, Sequence

import matplotlib

from ilkit.measuring.along_training import AlongTraining
from ilkit.reporting.figures import MARKS, color_of, curve_axes, draw_curve, label_ends
from ilkit.reporting.findings import Findings
from ilkit.reporting.page import Section, table
from ilkit.reporting.style import svg
from ilkit.reporting.tables import name_cell
from ilkit.reporting.wording import UNITS, number


def along_sections(findings: Findings) -> Iterator[Section]:
    """How good each policy was along training, with where it started as a line and the deepest fall marked."""
    acted = "samples of its actions" if findings.stochastic else "its mode"
    for unit in dict.fromkeys(one.curve.unit for one in findings.along.values()):
        group = {name: one for name, one in findings.along.items() if one.curve.unit == unit}
        figure = _draw(group, findings.policies, x_label=UNITS[unit], y_label=findings.outcome)
        yield Section(
            "Along training",
            figure + _falls(findings, group),
            f"The {findings.outcome} of each policy as it was at the start of its training, along it and at its end, "
            f"by {acted} and on the same evaluation episodes: interquartile mean over seeds with its "
            f"{findings.confidence:.0%} interval; thin lines are seeds. Dashed: what training started from. Triangles "
            "and the table: the deepest fall of any seed below its own start, and the lowest share of the way from "
            "random to its start that any seed had.",
        )


def _falls(findings: Findings, along: Mapping[str, AlongTraining]) -> str:
    head = ("policy", "start", "deepest fall", "to", "when", "lowest share", "end")
    rows = []
    for name, one in along.items():
        fall, share = one.fall, one.lowest_share
        depth, lowest, when = "none", "", ""
        if fall is not None:
            depth, lowest = (number(value, findings.decimals) for value in (fall.start - fall.lowest, fall.lowest))
            when = f"{fall.step:,}" + (f" (seed {fall.seed})" if len(one.curve.rows) > 1 else "")
        start, end = (number(float(one.curve.iqm[at]), findings.decimals) for at in (0, -1))
        told = "" if share is None else number(share, 2)
        rows.append((name_cell(name, findings.policies), start, depth, lowest, when, told, end))
    return table(head, rows)


@matplotlib.rc_context(MARKS)
def _draw(along: Mapping[str, AlongTraining], policies: Sequence[str], *, x_label: str, y_label: str) -> str:
    figure, axes = curve_axes(x_label, y_label)
    for name, one in along.items():
        color = color_of(name, policies)
        draw_curve(axes, one.curve, color, seeds=True)
        axes.axhline(one.start, color=color, linewidth=0.9, linestyle=(0, (4, 3)))
        if one.fall is not None:
            axes.plot([one.fall.step], [one.fall.lowest], "v", color=color, markersize=6, clip_on=False, zorder=5)
    axes.set_xlim(0.0, max(float(one.curve.steps[-1]) for one in along.values()))
    label_ends(axes, {name: float(one.curve.iqm[-1]) for name, one in along.items()}, policies)
    return svg(figure)
