"""The page about what is visited: rewards and visits as pictures of the grid, and the tables."""

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, to_hex
from matplotlib.patches import Rectangle

from ilkit.errors import counted
from ilkit.math.statistics import mean
from ilkit.measuring.walks import Walk
from ilkit.reporting.multiples import draw_each
from ilkit.reporting.occupancy_numbers import Occupied, ends_of, likelihood_of, verdict_of
from ilkit.reporting.page import Section, render_page, table
from ilkit.reporting.style import LINE, MUTED
from ilkit.reporting.tables import interval_cell, name_cell
from ilkit.reporting.wording import few_seeds, number

_COLUMNS, _WIDTH, _MOST = 3, 7.2, 64
"""Pictures in a row (of two or four, two), the page's width in inches, and the most cells to write numbers into."""
_DARK, _ARROW = 0.45, "#e4762a"
"""Below which luminance numbers are white, and the color of arrows."""


def page_of(found: Occupied) -> str:
    """The whole page."""
    episodes, steps = found.num_demonstrated
    setting = (
        f"{counted(episodes, 'demonstrated episode')} ({counted(steps, 'step')}), a time limit of "
        f"{counted(found.ground.tabular.horizon, 'step')}. All else is calculated: what policies visit, what they are "
        "paid, and what the best policies for the learnt rewards are paid."
    )
    return render_page(
        f"What is visited on {found.task}",
        _sections(found),
        setting=[setting],
        verdict=[verdict_of(found)],
        notes=few_seeds(found.num_seeds, found.confidence),
    )


def _sections(found: Occupied) -> Iterator[Section]:
    if found.taught:
        yield Section(
            "Rewards",
            _draw(found, {"true": _true(found), **_on_its_scale(found)}, "RdBu", symmetric=True),
            "The reward of each cell, averaged over actions, of the first seed: gains are blue, losses red. No "
            "demonstration tells where a learnt reward is 0 or what its unit is: each is shifted and stretched to the "
            "mean and spread of the true one.",
        )
    yield Section(
        "Visits",
        _draw(found, {name: walk.acted[0] for name, walk in found.walks.items()}, "viridis", walks=found.walks),
        "How often an episode acts in each cell, of the first seed. Arrows show where its actions lead on average; "
        "where they differ from visit to visit, they are short.",
    )
    yield Section("Policies", _policy_table(found), _TOLD_OF_POLICIES)
    if found.taught:
        yield Section("Rewards in numbers", _reward_table(found), _TOLD_OF_REWARDS)


_TOLD_OF_POLICIES = (
    "Returns are those of the environment's reward, in the mean over chance, with intervals over training seeds. "
    "Steps elsewhere: the share that would have to be taken in other cells to visit what was demonstrated. Largest "
    "difference of a cell: in how often an episode acts there. Log-likelihood: of a demonstrated action, in nats."
)
_TOLD_OF_REWARDS = (
    "Correlations are over all actions in the cells that random actions reach. The return of planning is what the "
    "environment pays the best policy for this reward. Share: of what lies between random actions and the best policy, "
    "with intervals over training seeds."
)


def _true(found: Occupied) -> Float[np.ndarray, " states"]:
    return np.asarray(found.ground.tabular.rewards).mean(axis=1)


def _on_its_scale(found: Occupied) -> dict[str, Float[np.ndarray, " states"]]:
    """The learnt rewards with the mean and the spread of the true one."""
    true = _true(found)
    center, spread = true[found.ground.reached].mean(), true[found.ground.reached].std()
    scaled = {}
    for name, one in found.taught.items():
        values = one.rewards.mean(axis=1)
        known = values[found.ground.reached]
        scaled[name] = center + spread * (values - known.mean()) / max(float(known.std()), 1e-9)
    return scaled


def _draw(
    found: Occupied,
    shown: Mapping[str, Float[np.ndarray, " states"]],
    colors: str,
    *,
    symmetric: bool = False,
    walks: Mapping[str, Walk] | None = None,
) -> str:
    """A picture of the grid for each of these tables, all in the same colors."""
    reached = found.ground.reached[: len(found.places)]
    top = max(float(np.abs(values[: len(reached)][reached]).max()) for values in shown.values()) or 1.0
    scale, palette = Normalize(-top if symmetric else 0.0, top), colormaps[colors]
    low, high = found.places.min(axis=0) - 0.5, found.places.max(axis=0) + 0.5
    written = len(found.places) <= _MOST

    def draw(axes: Axes, name: str, values: Float[np.ndarray, " states"]) -> None:
        for state, ((x, y), value) in enumerate(zip(found.places, values, strict=False)):
            color = palette(scale(value)) if reached[state] else MUTED
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1.0, 1.0, facecolor=color, edgecolor=LINE, linewidth=0.5))
            if written and reached[state]:
                red, green, blue, _ = palette(scale(value))
                ink = "white" if 0.3 * red + 0.59 * green + 0.11 * blue < _DARK else "black"
                at = y + (0.3 if walks else 0.0)
                axes.text(x, at, number(float(value), 1), ha="center", va="center", color=to_hex(ink), fontsize=6.5)
        if walks:
            _draw_ways(axes, found, walks[name])
        axes.set_xlim(low[0], high[0])
        axes.set_ylim(low[1], high[1])
        axes.set_aspect("equal")
        axes.set_axis_off()

    shape, columns = float((high - low)[1] / (high - low)[0]), 2 if len(shown) in (2, 4) else _COLUMNS
    return draw_each(shown, draw, height=min(2.2, _WIDTH / columns * shape), columns=columns)


def _draw_ways(axes: Axes, found: Occupied, walk: Walk) -> None:
    """An arrow in each cell that is acted in, the way that actions lead on average."""
    observed = len(found.places)
    ways = np.einsum("sa,sad->sd", walk.chances[:observed], found.steps)
    acted = walk.acted[0, :observed] > 0.02
    (x, y), (along, up) = found.places[acted].T, 0.7 * ways[acted].T
    start = x - along / 2, y - 0.12 - up / 2
    axes.quiver(*start, along, up, angles="xy", scale_units="xy", scale=1.0, color=_ARROW, width=0.012)


def _policy_table(found: Occupied) -> str:
    several = any(len(walk.returns) > 1 for walk in found.walks.values())
    interval = [f"{found.confidence:.0%} interval"] if several else []
    head = ("policy", "seeds", "return", *interval, "steps elsewhere", "largest difference of a cell", "log-likelihood")
    rows = [
        (
            name_cell(name, found.names),
            f"{len(walk.returns)}",
            number(float(mean(walk.returns)), 2),
            *([interval_cell(walk.interval, 2) if len(walk.returns) > 1 else ""] if several else []),
            f"{mean(walk.elsewhere):.1%}",
            f"{mean(walk.farthest):.2f}",
            likelihood_of(walk),
        )
        for name, walk in found.walks.items()
    ]
    edges = [(name, "", number(value, 2), *[""] * (len(head) - 3)) for name, value in ends_of(found)]
    return table(head, [*rows, *edges])


def _reward_table(found: Occupied) -> str:
    several = any(len(one.shares) > 1 for one in found.taught.values())
    interval = [f"{found.confidence:.0%} interval"] if several else []
    head = ("reward", "seeds", "correlation with the true one", "return of planning on it", "share", *interval)
    rows = [
        (
            name_cell(name, found.names),
            f"{len(one.shares)}",
            number(float(mean(one.correlation)), 2),
            number(float(mean(one.returns)), 2),
            f"{mean(one.shares):.0%}",
            *([f"{one.interval.low:.0%} to {one.interval.high:.0%}" if len(one.shares) > 1 else ""] if several else []),
        )
        for name, one in found.taught.items()
    ]
    return table(head, rows)
