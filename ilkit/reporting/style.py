"""The look of pages and figures: colors in light and dark, and figures as inline SVG that follow them."""

import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Each color stands for a variable of the page until the figure is written.
INK, MUTED, LINE = "#010201", "#010202", "#010203"
SERIES = tuple(f"#01030{index}" for index in range(6))
VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line"} | {
    color: f"series-{index}" for index, color in enumerate(SERIES)
}
FIGURE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ilkit",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
}
"""Settings of matplotlib."""
PAGE = """
:root { color-scheme: light dark; --paper: #fdfdfc; --ink: #1c2126; --muted: #68717b; --line: #dfe2e5;
  --series-0: #0072b2; --series-1: #d55e00; --series-2: #00875f; --series-3: #b0578d; --series-4: #b27a00;
  --series-5: #3a7ca5; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e4e7ea; --muted: #98a2ac; --line: #333a41;
  --series-0: #56b4e9; --series-1: #ff8a4d; --series-2: #2fc597; --series-3: #e39bc5; --series-4: #f0c24b;
  --series-5: #9ad1f5; } }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 50rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.5rem; font-weight: 650; margin: 0; line-height: 1.3; }
h2 { font-size: 1.06rem; font-weight: 650; margin: 2.8rem 0 .5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; font-variant-numeric: tabular-nums; }
th, td { padding: .34rem .5rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { font-weight: 500; color: var(--muted); vertical-align: bottom; }
thead th { border-bottom: 1px solid var(--muted); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
figure { margin: 1rem 0 0; }
figure svg { width: 100%; height: auto; display: block; }
figure svg text { font-family: inherit !important; }
figcaption { color: var(--muted); font-size: .86rem; line-height: 1.5; margin-top: .5rem; }
"""
"""The style sheet that every page starts from."""


def svg(figure: "Figure") -> str:
    """The figure as an element of a page: text stays text, and colors are the page's variables."""
    text = io.StringIO()
    unsaid = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(text, format="svg", transparent=True, metadata=unsaid)
    drawn = text.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r'<svg .*?viewBox="([^"]+)".*?>', r'<svg viewBox="\1" role="img">', drawn, count=1, flags=re.DOTALL)
    for color, variable in VARIABLES.items():
        drawn = drawn.replace(color, f"var(--{variable})")
    return drawn
