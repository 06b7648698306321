"""What an evaluation found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Metrics = Mapping[str, "float | int | str | list[Any] | Metrics"]
"""DVC compares numbers and texts, and leaves out what stands in a list."""
Table = Mapping[str, list[float] | list[int] | list[str]]


@dataclass(frozen=True)
class Report:
    """Numbers with intervals, curves as tables, and a page that shows them."""

    metrics: Metrics
    """Saved as `metrics.json`, which DVC reads."""
    tables: Mapping[str, Table] = field(default_factory=dict)
    """Each saved as `NAME.tsv`: equally long columns by name, which DVC plots."""
    html: str = ""
    """Saved as `report.html`: self-contained, works offline."""
    summary: str = ""
    """A few lines for the terminal: the table that a run ends with."""
