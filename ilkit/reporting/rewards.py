"""Learnt rewards in a report: what was earned in training, how they correlate with the environment's, their maps."""

from collections.abc import Iterator, Mapping

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ilkit.measuring.curves import Curve
from ilkit.measuring.discriminators import remark_on
from ilkit.measuring.reward_map import RewardMap, Rewards
from ilkit.reporting.alignment import is_alignment
from ilkit.reporting.along_training import UNITS
from ilkit.reporting.figures import MARKS, draw_losses
from ilkit.reporting.findings import Findings
from ilkit.reporting.page import Section, table
from ilkit.reporting.style import svg
from ilkit.reporting.tables import name_cell

_TRUE = "the environment's"


def reward_sections(findings: Findings) -> Iterator[Section]:
    """Curves of what was learnt beside the policy, and the rewards themselves."""
    yield from _curve_section(
        findings,
        "learnt_reward",
        "Learnt reward during training",
        "learnt reward of a step",
        "The mean of what a step earned by the reward that was maximized, with what follows a termination. The curves "
        "of returns are the environment's.",
    )
    yield from _curve_section(
        findings,
        "accuracy",
        "Discriminator accuracy",
        "accuracy",
        "How often the discriminator told demonstrated steps from those of trials; 0.5 is a guess.",
    )
    if findings.rewards is not None:
        yield _rewards(findings.rewards, findings)


def _curve_section(findings: Findings, name: str, title: str, label: str, caption: str) -> Iterator[Section]:
    recorded = {
        policy: curves[name]
        for policy, curves in findings.curves.items()
        if name in curves and not is_alignment(curves)
    }
    for unit in dict.fromkeys(curve.unit for curve in recorded.values()):
        group: dict[str, Curve] = {policy: curve for policy, curve in recorded.items() if curve.unit == unit}
        remarks = _remarks(group) if name == "accuracy" else ""
        yield Section(
            title,
            draw_losses(group, findings.policies, x_label=UNITS[unit], y_label=label),
            f"{caption} Interquartile mean over seeds with its interval.{remarks}",
        )


def _remarks(curves: Mapping[str, Curve]) -> str:
    told = {policy: remark_on({"accuracy": curve.rows}) for policy, curve in curves.items()}
    return "".join(f" Of {policy}, {remark}." for policy, remark in told.items() if remark)


def _rewards(rewards: Rewards, findings: Findings) -> Section:
    rows = [
        (
            name_cell(name, findings.policies) if name in findings.policies else name,
            _told(score.drawn),
            _told(score.demonstrated),
            f"{score.absorbing.mean():.3g}",
            "states and actions" if score.reads_action else "states",
        )
        for name, score in rewards.scores.items()
    ]
    head = ("reward", "correlation in drawn states", "at demonstrated steps", "after a termination", "reads")
    return Section("Learnt rewards", table(head, rows) + _draw_maps(rewards), _caption(rewards))


def _told(rows: np.ndarray) -> str:
    known = rows[np.isfinite(rows)]
    if not len(known):
        return "undefined"
    ends = f" ({known.min():.2f} to {known.max():.2f})" if len(known) > 1 else ""
    return f"{known.mean():.2f}{ends}"


def _caption(rewards: Rewards) -> str:
    caption = (
        "Pearson's correlation with the environment's reward: mean over training seeds, and their range. It is "
        "undefined where either of them is the same everywhere."
    )
    if rewards.true_map is None:
        return f"{caption} The environment can't be stepped from a state of one's choice, so that there are no maps."
    caption += (
        f" Maps: the mean over {rewards.num_actions} actions and over seeds, all other entries of the state at the "
        "center of their range; each has colors of its own, for scale and offset of a reward mean nothing."
    )
    low, high = (float(end) for end in (rewards.true_map.rewards.min(), rewards.true_map.rewards.max()))
    if low < high:
        return caption
    return f"{caption} The environment's reward is {low:.3g} everywhere, and 0 after a termination."


@matplotlib.rc_context(MARKS)
def _draw_maps(rewards: Rewards) -> str:
    maps = {name: score.grid for name, score in rewards.scores.items() if score.grid is not None}
    if rewards.true_map is None or rewards.names is None:
        return ""
    everything = {_TRUE: rewards.true_map, **maps}
    columns = 2 if len(everything) in (2, 4) else 3
    rows = -(-len(everything) // columns)
    figure = Figure(figsize=(7.2, 2.5 * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, (name, grid) in zip(places, everything.items(), strict=False):
        _draw_map(figure, axes, name, grid)
    for axes in places[len(everything) :]:
        axes.set_visible(False)
    figure.supxlabel(rewards.names[0], fontsize=9)
    figure.supylabel(rewards.names[1], fontsize=9)
    return svg(figure)


def _draw_map(figure: Figure, axes: Axes, name: str, grid: RewardMap) -> None:
    half = [(values[1] - values[0]) / 2 for values in (grid.x, grid.y)]
    extent = (grid.x[0] - half[0], grid.x[-1] + half[0], grid.y[0] - half[1], grid.y[-1] + half[1])
    picture = axes.imshow(grid.rewards, origin="lower", extent=extent, aspect="auto", cmap="viridis")
    axes.set_title(name)
    bar = figure.colorbar(picture, ax=axes, pad=0.02)
    bar.outline.set_visible(False)
