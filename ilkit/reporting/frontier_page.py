"""Reward against divergence from a reference: numbers, the figure and the page."""

from collections.abc import Iterator

import matplotlib
import numpy as np

from ilkit.data.report import Metrics, Table
from ilkit.measuring.frontier import Frontier
from ilkit.measuring.frontier_findings import Findings
from ilkit.reporting.columns import aligned, by_name
from ilkit.reporting.figures import MARKS, color_of, name_above, wide_axes
from ilkit.reporting.page import Section, render_page, table
from ilkit.reporting.style import INK, MUTED, svg
from ilkit.reporting.tables import name_cell
from ilkit.reporting.wording import number

_NOTABLE = 0.02
"""What must be lost at the end, of the way from the reference to the best arm, to be called over-optimization."""


def metrics_of(findings: Findings) -> Metrics:
    """Of each policy its reward, its divergence and what is missing to the frontier; of each reward its peak."""
    policies = {
        name: {
            "reward": float(one.reward.mean()),
            "divergence": float(one.divergence.mean()),
            "below_frontier": findings.below(one),
            "share": findings.share(float(one.reward.mean())),
        }
        for name, one in findings.reached.items()
    }
    rewards = {
        name: {
            "correlation": one.correlation,
            "most_reward": one.peak[0],
            "divergence_at_most": one.peak[1],
            "reward_at_end": one.end,
        }
        for name, one in findings.followed.items()
    }
    return {**policies, **rewards}


def tables_of(findings: Findings) -> dict[str, Table]:
    """The points and the lines."""
    rows = [("exact", 0, *point) for point in zip(*findings.exact, strict=True)]
    for name, one in findings.reached.items():
        rows += [(name, seed, *point) for seed, point in enumerate(zip(*one, strict=True))]
    for name, followed in findings.followed.items():
        rows += [(name, seed, *point) for seed, line in enumerate(followed.lines) for point in zip(*line, strict=True)]
    told = [(name, seed, float(reward), float(divergence)) for name, seed, reward, divergence in rows]
    return {"frontier": by_name(("name", "seed", "reward", "divergence"), told)}


def summary_of(findings: Findings) -> str:
    """An aligned table, and the verdict."""
    rows = [("", "reward", "KL", "below the frontier")]
    rows += [
        (name, f"{one.reward.mean():.2f}", f"{one.divergence.mean():.2f}", f"{findings.below(one):.2f}")
        for name, one in findings.reached.items()
    ]
    return "\n".join([*aligned(rows), *verdict_of(findings)])


def verdict_of(findings: Findings) -> list[str]:
    """Which policy earns the most and which wastes least, and which reward is over-optimized, in plain words."""
    told = []
    if findings.reached:
        most = max(findings.reached, key=lambda name: float(findings.reached[name].reward.mean()))
        nearest = min(findings.reached, key=lambda name: findings.below(findings.reached[name]))
        share = findings.share(float(findings.reached[most].reward.mean()))
        told.append(
            f"{most} earns the most: {share:.0%} of the way from the reference to choosing the best arm always. "
            f"{nearest} is nearest to the frontier: {findings.below(findings.reached[nearest]):.2f} below it."
        )
    if findings.followed:
        opening = "Over-optimization is to follow a learnt reward so far that the true one falls again."
        told.append(" ".join([opening, *(_optimized(findings, name) for name in findings.followed)]))
    return told or ["Nothing was handed over to be measured."]


def _optimized(findings: Findings, name: str) -> str:
    """Whether that is seen of a learnt reward, in how many seeds, and what it costs."""
    one = findings.followed[name]
    (reward, divergence), end = one.peak, one.end
    losing = sum(_lost(line) > _NOTABLE * (findings.best - findings.reference) for line in one.lines)
    if not losing:
        return f"On {name} it isn't seen: {number(end, 2)} is earned at the end, {number(reward, 2)} at best."
    where = f" in {losing} of {len(one.lines)} seeds" if len(one.lines) > 1 else ""
    return (
        f"On {name} it is seen{where}: {number(reward, 2)} is earned at {number(divergence, 1)} nats from the "
        f"reference, {number(end, 2)} at the end, {number(reward - end, 2)} less."
    )


def page_of(findings: Findings) -> str:
    """The whole page."""
    setting = (
        f"The reference earns {findings.reference:.2f}, the best arm always {findings.best:.2f}. Rewards and "
        "divergences are exact: nothing was sampled but contexts, the same for all."
    )
    return render_page(
        "What is earned for how far from the reference",
        _sections(findings),
        setting=[setting],
        verdict=verdict_of(findings),
    )


def _sections(findings: Findings) -> Iterator[Section]:
    yield Section(
        "Reward against divergence",
        draw_frontier(findings),
        "The true reward that is earned against the divergence KL(π ‖ π_ref). The thick line is the frontier, "
        "π ∝ π_ref exp(r / β): no policy lies above it; dotted is the best arm always. Points are policies, one a "
        "training seed. Dashed lines are what reinforcement makes of the reference on a learnt reward, "
        "π ∝ π_ref exp(r̂ / β), a line a seed, from large β on the left to small on the right. The ring is where one "
        "earns the most: where a line falls to the right of it, the reward is over-optimized.",
    )
    if findings.reached:
        yield _policies_section(findings)
    if findings.followed:
        yield _rewards_section(findings)


def _policies_section(findings: Findings) -> Section:
    head = ("policy", "seeds", "true reward", "KL from the reference", "below the frontier", "way to the best arm")
    rows = [
        (
            name_cell(name, findings.names),
            f"{len(one.reward)}",
            number(float(one.reward.mean()), 2),
            number(float(one.divergence.mean()), 2),
            f"{findings.below(one):.2f}",
            f"{number(100 * findings.share(float(one.reward.mean())), 0)}%",
        )
        for name, one in findings.reached.items()
    ]
    caption = (
        "Means over training seeds; divergences in nats. Below the frontier: how much more the same divergence could "
        "have earned. Way to the best arm: 0% is the reference, 100% who chooses the best arm always."
    )
    return Section("Policies", table(head, rows), caption)


def _rewards_section(findings: Findings) -> Section:
    head = ("reward", "seeds", "correlation", "most that is earned", "at a KL of", "earned at the end", "lost")
    rows = [
        (
            name_cell(name, findings.names),
            f"{len(one.lines)}",
            f"{one.correlation:.2f}",
            number(one.peak[0], 2),
            number(one.peak[1], 2),
            number(one.end, 2),
            number(one.peak[0] - one.end, 2),
        )
        for name, one in findings.followed.items()
    ]
    caption = (
        "What reinforcement on a learnt reward earns of the true one, in the mean over training seeds: the most on the "
        f"way, and at the end. Over-optimization is said to be seen in a seed that loses more than {_NOTABLE:.0%} of "
        "the way from the reference to the best arm: it is led to what the learnt reward gets wrong. Correlations are "
        "with the true reward, without what all arms of a context share, which decides nothing."
    )
    return Section("Learnt rewards, followed to the end", table(head, rows), caption)


@matplotlib.rc_context(MARKS)
def draw_frontier(findings: Findings) -> str:
    """Points and lines over the divergence."""
    figure, axes = wide_axes("KL from the reference, nats", "true reward", 4.2)
    axes.plot(findings.exact.divergence, findings.exact.reward, color=INK, linewidth=2.4, label="frontier")
    axes.axhline(findings.best, color=MUTED, linewidth=0.8, linestyle=":")
    for name, followed in findings.followed.items():
        color = color_of(name, findings.names)
        for seed, line in enumerate(followed.lines):
            axes.plot(line.divergence, line.reward, "--", color=color, linewidth=1.3, label=None if seed else name)
            top = int(np.argmax(line.reward))
            axes.plot(line.divergence[top], line.reward[top], "o", color=color, markersize=6, mfc="none")
    for place, (name, one) in enumerate(findings.reached.items()):
        marker = "osD^vP"[place // 10 % 6]
        axes.plot(one.divergence, one.reward, marker, color=color_of(name, findings.names), markersize=5.5, label=name)
    axes.grid()
    name_above(figure, 4)
    return svg(figure)


def _lost(line: Frontier) -> float:
    return float(np.max(line.reward) - line.reward[-1])
