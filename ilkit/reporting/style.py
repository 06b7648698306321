"""The look of pages and figures: colors in light and dark, and figures as inline SVG that follow them."""

import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Each color stands for a variable of the page until the figure is written.
INK, MUTED, LINE = "#010201", "#010202", "#010203"
SERIES = tuple(f"#01030{index}" for index in range(10))
VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line"} | {
    color: f"series-{index}" for index, color in enumerate(SERIES)
}
FIGURE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ilkit",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.linewidth": 0.7,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.columnspacing": 1.2,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
}
"""Settings of matplotlib."""


def svg(figure: "Figure") -> str:
    """The figure as an element of a page that scrolls where the page is too narrow to read it.

    Text stays text, and colors are the page's variables.
    """
    text = io.StringIO()
    unsaid = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(text, format="svg", transparent=True, metadata=unsaid)
    drawn = text.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    opening = r'<svg viewBox="\1" role="img" style="min-width: calc(0.8 * \2pt)">'
    drawn = re.sub(r'<svg .*?viewBox="(0 0 (\S+) [^"]+)".*?>', opening, drawn, count=1, flags=re.DOTALL)
    for color, variable in VARIABLES.items():
        drawn = drawn.replace(color, f"var(--{variable})")
    return f'<div class="wide" role="region" aria-label="figure" tabindex="0">{drawn}</div>'
