"""A summary as lines of text."""

from collections.abc import Sequence

from ilkit.curating.summary import Column, Range, Summary
from ilkit.data.spaces import Discrete, Spaces
from ilkit.errors import counted
from ilkit.reporting.columns import aligned

MOST_ROWS = 64
"""How many dimensions are listed of observations, and of actions."""
HEAD = ("", "min", "mean", "std", "max", "at bounds")


def told(summary: Summary, spaces: Spaces) -> str:
    """Everything in a summary, for a terminal."""
    lines = [*headline(summary), ""]
    if isinstance(spaces.action, Discrete):
        lines += [f"action {index}: {share:.1%}" for index, share in enumerate(summary.action_shares[:MOST_ROWS])]
        lines += [*_left_out(len(summary.action_shares)), ""]
    lines += aligned([HEAD, *rows(summary.obs), *rows(summary.actions)])
    lines += [*_left_out(len(summary.obs)), *_left_out(len(summary.actions))]
    return "\n".join(lines)


def headline(summary: Summary) -> list[str]:
    """Counts, lengths and returns, a line each."""
    ends = f"{summary.num_terminated:,} terminated, {summary.num_truncated:,} truncated"
    thinned = summary.num_counted < summary.num_steps
    counting = f", {summary.num_counted:,} of which count" if thinned else ""
    returns = "unknown, for no rewards were recorded" if summary.returns is None else _spread(summary.returns)
    return [
        f"{counted(summary.num_episodes, 'episode')}, {counted(summary.num_steps, 'step')}{counting}; {ends}",
        f"lengths: {_spread(summary.lengths)}",
        f"returns: {returns}",
    ]


def rows(columns: Sequence[Column]) -> list[tuple[str, ...]]:
    """A row for each dimension, as many as are listed."""
    return [
        (
            column.name,
            *(number(value) for value in (column.minimum, column.mean, column.std, column.maximum)),
            "" if column.at_bounds is None else f"{column.at_bounds:.1%}",
        )
        for column in columns[:MOST_ROWS]
    ]


def number(value: float) -> str:
    """A number with four significant digits, in full where that is short."""
    if value == round(value, 0) and abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def _spread(numbers: Range) -> str:
    return f"{number(numbers.minimum)} to {number(numbers.maximum)}, median {number(numbers.median)}"


def _left_out(count: int) -> list[str]:
    return [f"... and {count - MOST_ROWS:,} more"] if count > MOST_ROWS else []
