"""Learnt rewards in a report: what was earned in training, how they correlate with the environment's, their maps."""

from collections.abc import Iterator, Mapping

import numpy as np
from matplotlib.axes import Axes

from ilkit.measuring.curves import Curve
from ilkit.measuring.discriminators import remark_on
from ilkit.measuring.reward_map import RewardMap, Rewards
from ilkit.reporting.alignment import is_alignment
from ilkit.reporting.curve_sections import curve_sections
from ilkit.reporting.figures import extent_of
from ilkit.reporting.findings import Findings
from ilkit.reporting.multiples import draw_each
from ilkit.reporting.page import Section, table
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
    remarks = _remarks(recorded) if name == "accuracy" else ""
    yield from curve_sections(title, recorded, findings.policies, label=label, caption=caption, remarks=remarks)


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


def _draw_maps(rewards: Rewards) -> str:
    maps = {name: score.grid for name, score in rewards.scores.items() if score.grid is not None}
    if rewards.true_map is None or rewards.names is None:
        return ""
    shown = {_TRUE: rewards.true_map, **maps}
    return draw_each(shown, _draw_map, height=2.2, columns=2 if len(shown) in (2, 4) else 3, labels=rewards.names)


def _draw_map(axes: Axes, _: str, grid: RewardMap) -> None:
    extent = extent_of(grid.x, grid.y)
    picture = axes.imshow(grid.rewards, origin="lower", extent=extent, aspect="auto", cmap="viridis")
    bar = axes.figure.colorbar(picture, ax=axes, pad=0.02)
    bar.outline.set_visible(False)
