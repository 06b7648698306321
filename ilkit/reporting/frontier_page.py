"""Reward against divergence from a reference: numbers, the figure and the page."""

from collections.abc import Iterator

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ilkit.data.report import Metrics, Table
from ilkit.measuring.frontier import Frontier
from ilkit.measuring.frontier_findings import Findings, Reached
from ilkit.reporting.columns import aligned
from ilkit.reporting.figures import MARKS, color_of
from ilkit.reporting.page import Section, prose, render_page, table
from ilkit.reporting.style import INK, LINE, MUTED, svg
from ilkit.reporting.tables import name_cell


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
    parts: list[tuple[str, int, Frontier | Reached]] = [("exact", 0, findings.exact)]
    for name, one in findings.reached.items():
        points = zip(one.reward, one.divergence, strict=True)
        parts += [(name, seed, Reached(r[None], d[None])) for seed, (r, d) in enumerate(points)]
    for name, followed in findings.followed.items():
        parts += [(name, seed, line) for seed, line in enumerate(followed.lines)]
    names: list[str] = [name for name, _, points in parts for _ in points.reward]
    seeds: list[int] = [seed for _, seed, points in parts for _ in points.reward]
    rewards, divergences = (np.concatenate([points[side] for *_, points in parts]).tolist() for side in (0, 1))
    return {"frontier": {"name": names, "seed": seeds, "reward": rewards, "divergence": divergences}}


def summary_of(findings: Findings) -> str:
    """An aligned table, and the verdict."""
    rows = [("", "reward", "KL", "below the frontier")]
    rows += [
        (name, f"{one.reward.mean():.2f}", f"{one.divergence.mean():.2f}", f"{findings.below(one):.2f}")
        for name, one in findings.reached.items()
    ]
    return "\n".join([*aligned(rows), verdict_of(findings)])


def verdict_of(findings: Findings) -> str:
    """Which policy earns the most, which wastes least, and whether a reward was over-optimized, in plain words."""
    told = []
    if findings.reached:
        most = max(findings.reached, key=lambda name: float(findings.reached[name].reward.mean()))
        nearest = min(findings.reached, key=lambda name: findings.below(findings.reached[name]))
        share = findings.share(float(findings.reached[most].reward.mean()))
        told.append(f"{most} earns the most, {share:.0%} of the way from the reference to the best arm always")
        told.append(f"{nearest} is nearest to the frontier, {findings.below(findings.reached[nearest]):.2f} below it")
    for name, one in findings.followed.items():
        reward, divergence = one.peak
        lost = reward - one.end
        if lost > 0.02 * (findings.best - findings.reference):
            told.append(f"{name} is over-optimized beyond {divergence:.1f} nats: of {reward:.2f} {lost:.2f} are lost")
    return f"{'; '.join(told)}." if told else "Nothing was handed over to be measured."


def page_of(findings: Findings) -> str:
    """The whole page."""
    setting = (
        f"The reference earns {findings.reference:.2f}, the best arm always {findings.best:.2f}. Rewards and "
        "divergences are exact: nothing was sampled but contexts, the same for all."
    )
    opening = f'<p class="setting">{prose(setting)}</p>\n<p class="verdict">{prose(verdict_of(findings))}</p>'
    return render_page("What is earned for how far from the reference", opening, _sections(findings))


def _sections(findings: Findings) -> Iterator[Section]:
    yield Section(
        "Reward against divergence",
        draw_frontier(findings),
        "The thick line is the frontier, π ∝ π_ref exp(r / β): no policy lies above it. Points are policies, one a "
        "training seed. Dashed lines follow a learnt reward, π ∝ π_ref exp(r̂ / β), from large β on the left to small "
        "on the right: where one falls, the reward is followed to where it is wrong.",
    )
    if findings.reached:
        yield _policies_section(findings)
    if findings.followed:
        yield _rewards_section(findings)


def _policies_section(findings: Findings) -> Section:
    head = ("policy", "seeds", "reward", "KL from the reference", "below the frontier", "of the way to the best")
    rows = [
        (
            name_cell(name, findings.names),
            f"{len(one.reward)}",
            f"{one.reward.mean():.2f}",
            f"{one.divergence.mean():.2f}",
            f"{findings.below(one):.2f}",
            f"{findings.share(float(one.reward.mean())):.0%}",
        )
        for name, one in findings.reached.items()
    ]
    return Section("Policies", table(head, rows), "Below the frontier: what the same divergence could have earned.")


def _rewards_section(findings: Findings) -> Section:
    head = ("reward", "correlation", "most that following it earns", "at a KL of", "at the end")
    rows = [
        (
            name_cell(name, findings.names),
            f"{one.correlation:.3f}",
            f"{one.peak[0]:.2f}",
            f"{one.peak[1]:.2f}",
            f"{one.end:.2f}",
        )
        for name, one in findings.followed.items()
    ]
    caption = "Correlations are with the true reward, without what all arms of a context share, which decides nothing."
    return Section("Learnt rewards", table(head, rows), caption)


@matplotlib.rc_context(MARKS)
def draw_frontier(findings: Findings) -> str:
    """Points and lines over the divergence."""
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(findings.exact.divergence, findings.exact.reward, color=INK, linewidth=2.4, label="frontier")
    axes.axhline(findings.best, color=MUTED, linewidth=0.8, linestyle=":")
    for name, followed in findings.followed.items():
        color = color_of(name, findings.names)
        for seed, line in enumerate(followed.lines):
            axes.plot(line.divergence, line.reward, "--", color=color, linewidth=1.3, label=None if seed else name)
    for place, (name, one) in enumerate(findings.reached.items()):
        marker = "osD^vP"[place // 10 % 6]
        axes.plot(one.divergence, one.reward, marker, color=color_of(name, findings.names), markersize=5.5, label=name)
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("KL from the reference, nats")
    axes.set_ylabel("reward")
    figure.legend(loc="outside upper left", ncols=4, columnspacing=1.2)
    return svg(figure)
