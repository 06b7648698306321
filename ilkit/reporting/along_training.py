"""The section on policies as they were along their training: how good they were, and how far they fell."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib

from ilkit.data.report import Metrics, Table
from ilkit.measuring.along_training import AlongTraining
from ilkit.reporting.figures import MARKS, color_of, curve_axes, draw_curve, label_ends
from ilkit.reporting.findings import Findings
from ilkit.reporting.page import Section, table
from ilkit.reporting.style import svg
from ilkit.reporting.tables import name_cell
from ilkit.reporting.wording import number

UNITS = {"env_steps": "environment steps", "step": "gradient steps"}
"""What the steps of a curve are called."""


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


def falls_of(along: Mapping[str, AlongTraining], decimals: int) -> list[str]:
    """How far policies fell below where they started: each of two, of more the one that fell deepest."""
    if len(along) <= 2:
        return [_fall(name, one, decimals) for name, one in along.items()]
    depths = {name: 0.0 if one.fall is None else one.fall.start - one.fall.lowest for name, one in along.items()}
    deepest, unharmed = max(depths, key=lambda name: depths[name]), [name for name in depths if not depths[name]]
    if len(unharmed) == len(depths):
        return ["In training no policy was ever below where it started."]
    never = ", ".join(f"`{name}`" for name in unharmed)
    told = f"{_fall(deepest, along[deepest], decimals)} None fell deeper."
    return [told + (f" Never below where they started: {never}." if unharmed else "")]


def along_metrics(one: AlongTraining) -> Metrics:
    """Where it started, its lowest point, and its deepest fall."""
    fall, share = one.fall, one.lowest_share
    return {
        "start": one.start,
        "lowest": float(one.curve.rows.min()),
        **({} if share is None else {"lowest_share": share}),
        "fall": 0.0 if fall is None else fall.start - fall.lowest,
        **({} if fall is None else {"fall_seed": fall.seed, f"fall_{one.curve.unit}": fall.step}),
    }


def along_table(along: Mapping[str, AlongTraining], outcome: str) -> Table:
    """A row for each policy, seed and point."""
    tables = [one.table(name, outcome) for name, one in along.items()]
    columns: dict[str, Any] = {name: [value for table in tables for value in table[name]] for name in tables[0]}
    return columns


def _fall(name: str, one: AlongTraining, decimals: int) -> str:
    fall, share = one.fall, one.lowest_share
    if fall is None:
        return f"In training `{name}` was never below where it started ({number(one.start, decimals)})."
    seed = f"seed {fall.seed}, " if len(one.curve.rows) > 1 else ""
    told = "" if share is None else f" The lowest share of any seed's way from random to its start was {share:.2f}."
    way = f"from {number(fall.start, decimals)} to {number(fall.lowest, decimals)}"
    return f"In training `{name}` fell {way} ({seed}after {fall.step:,} {UNITS[one.curve.unit]}).{told}"


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
        axes.plot(one.curve.steps, one.curve.rows.T, color=color, linewidth=0.5, alpha=0.4)
        draw_curve(axes, one.curve, color)
        axes.axhline(one.start, color=color, linewidth=0.9, linestyle=(0, (4, 3)))
        if one.fall is not None:
            axes.plot([one.fall.step], [one.fall.lowest], "v", color=color, markersize=6, clip_on=False, zorder=5)
    axes.set_xlim(0.0, max(float(one.curve.steps[-1]) for one in along.values()))
    label_ends(axes, {name: float(one.curve.iqm[-1]) for name, one in along.items()}, policies)
    return svg(figure)
