"""Curves along training as sections of a page."""

from collections.abc import Iterator, Mapping, Sequence

from ilkit.measuring.curves import Curve
from ilkit.reporting.figures import draw_losses
from ilkit.reporting.page import Section
from ilkit.reporting.wording import UNITS


def curve_sections(
    title: str, curves: Mapping[str, Curve], policies: Sequence[str], *, label: str, caption: str, remarks: str = ""
) -> Iterator[Section]:
    """A section for each unit of steps; `remarks` end its caption."""
    for unit in dict.fromkeys(curve.unit for curve in curves.values()):
        group = {name: curve for name, curve in curves.items() if curve.unit == unit}
        yield Section(
            title,
            draw_losses(group, policies, x_label=UNITS[unit], y_label=label),
            f"{caption} Interquartile mean over seeds with its interval.{remarks}",
        )
