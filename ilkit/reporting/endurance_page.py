"""The page about how much disturbance policies endure: the figure, the leads over the references, and the tables."""

from collections.abc import Iterator

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ilkit.errors import counted
from ilkit.reporting.endurance_numbers import Endured, sentences_of
from ilkit.reporting.figures import MARKS, color_of
from ilkit.reporting.page import Section, prose, render_page, table
from ilkit.reporting.style import INK, LINE, MUTED, svg
from ilkit.reporting.tables import name_cell
from ilkit.reporting.wording import few_seeds, number


def page_of(found: Endured) -> str:
    """The whole page."""
    seeds = ", ".join(f"{name} ({counted(found.found[name].num_seeds, 'training seed')})" for name in found.policies)
    episodes, steps = found.num_demonstrated
    survived = "" if found.threshold is None else f" An episode survives from a return of {found.threshold:g} on."
    setting = (
        f"{seeds}, beside {counted(episodes, 'demonstrated episode')} ({counted(steps, 'step')}) of this task; "
        f"{counted(found.num_episodes, 'evaluation episode')} of each seed at each strength of {found.what}, with the "
        f"same starts and disturbances for all.{survived}"
    )
    verdict = "".join(f'<p class="verdict">{prose(sentence)}</p>' for sentence in sentences_of(found))
    opening = f'<p class="setting">{prose(setting)}</p>\n{verdict}'
    notes = few_seeds(min(found.found[name].num_seeds for name in found.policies), found.confidence)
    closing = "<footer>{}</footer>\n".format("".join(f"<p>{prose(note)}</p>" for note in notes))
    return render_page(f"Disturbed on {found.task}", opening, _sections(found), closing)


def _sections(found: Endured) -> Iterator[Section]:
    yield Section(
        "Against the strength of the disturbance",
        draw_endurance(found),
        f"The {found.outcome} against the standard deviation of the {found.what} added to actions, in half ranges of "
        f"these; bands are {found.confidence:.0%} intervals over training seeds, of one seed over its episodes.",
    )
    if found.leads:
        yield Section(
            "In pairs",
            draw_leads(found),
            f"What a policy does better than its reference under the same disturbances, with {found.confidence:.0%} "
            "intervals of the differences, seed by seed.",
        )
    yield Section("In numbers", _table(found), f"Means with {found.confidence:.0%} intervals.")


def _table(found: Endured) -> str:
    head = ("policy", "seeds", *(f"σ = {strength:g}" for strength in found.strengths))
    rows = []
    for name, one in found.found.items():
        cells = [
            f"{found.told(value)} ({found.told(low)} to {found.told(high)})"
            for value, low, high in zip(one.mean, *one.interval, strict=True)
        ]
        rows.append((name_cell(name, found.policies), f"{one.num_seeds}", *cells))
    return table(head, rows)


@matplotlib.rc_context(MARKS)
def draw_endurance(found: Endured) -> str:
    """Outcomes against the strength."""
    figure, axes = _axes(found)
    for name, one in found.found.items():
        color = color_of(name, found.policies)
        axes.fill_between(found.strengths, *one.interval, color=color, alpha=0.12, linewidth=0)
        style = "--" if name == "expert" else "-"
        axes.plot(found.strengths, one.mean, style, color=color, linewidth=1.7, marker="o", markersize=3.5, label=name)
    if found.threshold is not None:
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_ylabel(found.outcome)
    figure.legend(loc="outside upper left", ncols=min(len(found.found), 5), columnspacing=1.2)
    return svg(figure)


@matplotlib.rc_context(MARKS)
def draw_leads(found: Endured) -> str:
    """Differences to the references against the strength, beside each other so that no interval hides another."""
    figure, axes = _axes(found)
    axes.axhline(0.0, color=INK, linewidth=0.9)
    step = 0.012 * float(found.strengths[-1] - found.strengths[0])
    for place, one in enumerate(found.leads):
        color, at = color_of(one.name, found.policies), found.strengths + step * (place - (len(found.leads) - 1) / 2)
        axes.vlines(at, *one.interval, color=color, linewidth=1.4)
        axes.plot(at, one.difference, "o", color=color, markersize=5, label=f"{one.name} − {one.reference}")
    if found.threshold is not None:
        axes.yaxis.set_major_formatter(lambda value, _: number(100 * value, 0, signed=True))
    axes.set_ylabel("difference of " + ("returns" if found.threshold is None else "shares (points)"))
    figure.legend(loc="outside upper left", ncols=min(len(found.leads), 2), columnspacing=1.2)
    return svg(figure)


def _axes(found: Endured) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.set_xticks(found.strengths)
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(color=MUTED)
    axes.set_xlabel(f"standard deviation of the {found.what} (half ranges of the actions)")
    return figure, axes
