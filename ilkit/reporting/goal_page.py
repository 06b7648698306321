"""The page of policies and their goals: success, the map, how far goals are, and which pairs fail."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from ilkit.errors import counted
from ilkit.reporting.goal_figures import draw_along_training, draw_by_distance, draw_maps, draw_success
from ilkit.reporting.goal_numbers import Reached, verdict_of
from ilkit.reporting.page import Section, render_page, table
from ilkit.reporting.tables import interval_cell, name_cell
from ilkit.reporting.wording import few_seeds, number, share

_MOST_PAIRS = 10
_NONE = "-"
"""The cell of what there isn't, such as the steps of who never got there."""


def page_of(reached: Reached) -> str:
    """The whole page."""
    seeds = min(len(reached.hits[name]) for name in reached.policies)
    notes = few_seeds(seeds, reached.confidence)
    if not reached.tasks.knows_ways:
        notes.append("This environment doesn't tell shortest ways: there is no SPL, and distances are straight ones.")
    if reached.places is None:
        notes.append("Goals have no two entries, and the environment has no map: there is none here.")
    return render_page(
        f"Goals reached on {reached.task}",
        _sections(reached),
        setting=[_setting(reached)],
        verdict=[verdict_of(reached)],
        notes=notes,
    )


def _setting(reached: Reached) -> str:
    seeds = min(len(reached.hits[name]) for name in reached.policies)
    episodes = next(iter(reached.hits.values())).shape[1]
    how = {"mode": "by their modes", "samples": "drawing their actions", "both": "by their modes and by samples"}
    when = {"ever": "is at any time", "at_end": "is at the end"}
    return (
        f"{counted(episodes, 'episode')} of every training seed ({seeds}), the same starts and goals for all, "
        f"{how[reached.acting]}. A goal is reached by who {when[reached.counts]} at most {reached.tolerance:g} away, "
        "in units of goals."
    )


def _sections(reached: Reached) -> Iterator[Section]:
    yield Section("Goals reached", draw_success(reached), _success_caption(reached))
    yield Section("In numbers", _success_table(reached), _explained(reached))
    if reached.along_training:
        yield Section("Along training", draw_along_training(reached), _training_caption(reached))
    if reached.places is not None:
        yield Section("Where it succeeds, and where it gets stuck", draw_maps(reached), _map_caption(reached))
    away = "steps of the shortest way" if reached.tasks.knows_ways else "straight distance to the goal"
    yield Section(
        "The farther, the harder",
        draw_by_distance(reached),
        f"Success against the {away}, in groups of as many episodes each; vertical lines are "
        f"{reached.confidence:.0%} score intervals, gray lines the other policies.",
    )
    yield Section("On the way", _way_table(reached), _way_caption(reached))
    if reached.places is not None and len(_failing(reached)):
        yield Section("Pairs that fail", _pairs_table(reached), _pairs_caption(reached))


def _success_caption(reached: Reached) -> str:
    told = f"Shares of episodes with {reached.confidence:.0%} score intervals (Wilson), each training seed as a dot."
    if reached.tasks.held_out is not None:
        told += " Held-out pairs are those that the data were recorded without."
    if reached.published:
        told += f" Diamonds: published, with two standard deviations over seeds ({reached.source})."
    return told


def _explained(reached: Reached) -> str:
    told = (
        "The intervals in brackets are score intervals (Wilson) over the pairs of start and goal: how far others would "
        "differ. Those over training seeds are bootstrapped: how far other trainings would."
    )
    return told + (" Published: mean ± deviation over so many seeds." if reached.published else "")


def _way_caption(reached: Reached) -> str:
    told = "Steps until the goal was reached first, on average over the episodes in which it was"
    if reached.tasks.knows_ways:
        told += (
            ", beside those of the shortest ways of the same episodes; SPL is success weighted by the one over the "
            "other, 0 where there was none (Anderson et al., 2018)"
        )
    return f"{told}. The final distance is the median over all episodes, in units of goals."


def _pairs_caption(reached: Reached) -> str:
    return (
        f"Of the {counted(len(reached.pairs[0]), 'pair')} of cells that there were, those that {reached.best} fails "
        "most often, and how often each policy reaches the goal there. Rows and columns of the map are counted from 0 "
        "at the top left. All pairs are in success_by_pair.tsv."
    )


def _training_caption(reached: Reached) -> str:
    return (
        "Success of the policies as they were along training, on the same episodes: means over training seeds with "
        f"{reached.confidence:.0%} bootstrap intervals; thin lines are seeds."
    )


def _map_caption(reached: Reached) -> str:
    told = (
        "The color of a cell tells how often goals in it are reached, whatever the start; cells without color were no "
        "goal. Lines are some failed episodes of the median seed, from their start to their end; dotted is what is "
        "missing to the goal that they were told. Small crosses are where its other failures end."
    )
    if len(_failing(reached)):
        return told
    return f"{told} {reached.best} fails none of the {counted(len(reached.pairs[0]), 'pair')} of cells that there were."


def _success_table(reached: Reached) -> str:
    split = reached.tasks.held_out is not None
    head = ["policy", "success", "interval over training seeds", *(["seen pairs", "held-out pairs"] if split else [])]
    head += ["published"] if reached.published else []
    return table(head, [_success_row(reached, name) for name in reached.scores])


def _success_row(reached: Reached, name: str) -> list[str]:
    one = reached.scores[name]
    over = one.success.over_seeds
    cells = [name_cell(name, reached.policies), share(one.success.rate, one.success.wilson)]
    cells.append(_NONE if over is None else f"{over.low:.0%} to {over.high:.0%}")
    if reached.tasks.held_out is not None:
        cells += [_NONE if rate is None else share(rate.rate, rate.wilson) for rate in (one.seen, one.held_out)]
    if reached.published:
        told = reached.published.get(name)
        cells.append(_NONE if told is None else f"{told.share:.0%} ± {told.deviation:.0%} ({told.num_seeds})")
    return cells


def _way_table(reached: Reached) -> str:
    ways = reached.tasks.knows_ways
    head = (
        "policy",
        "at any time",
        "at the end",
        "steps",
        *(("shortest way", "SPL") if ways else ()),
        "final distance",
    )
    return table(head, [_way_row(name, reached) for name in reached.scores])


def _way_row(name: str, reached: Reached) -> list[str]:
    one = reached.scores[name]
    cells = [name_cell(name, reached.policies), f"{one.ever.rate:.0%}", f"{one.at_end.rate:.0%}"]
    cells.append(number(one.steps, 0) if np.isfinite(one.steps) else _NONE)
    if one.spl is not None and one.least_steps is not None and one.spl_interval is not None:
        cells.append(number(one.least_steps, 0) if np.isfinite(one.least_steps) else _NONE)
        cells.append(f"{number(one.spl, 2)} ({interval_cell(one.spl_interval, 2)})")
    return [*cells, number(one.final_distance, 2)]


def _pairs_table(reached: Reached) -> str:
    """The pairs that fail most often, by the best policy."""
    assert reached.places is not None
    order = _failing(reached)[:_MOST_PAIRS]
    (pairs, which), columns = reached.pairs, reached.places.cells.columns
    rates = {name: _rates(reached, name) for name in reached.hits}
    names = [reached.best, *(name for name in reached.scores if name != reached.best)]
    rows = []
    for pair in order:
        start, goal = (_cell(int(cell), columns, reached.places.cells.rows) for cell in pairs[pair])
        count = str(int((which == pair).sum()))
        rows.append((start, goal, count, *(f"{rates[name][pair]:.0%}" for name in names)))
    return table(("start", "goal", "episodes", *names), rows)


def _rates(reached: Reached, name: str) -> Float[np.ndarray, " pairs"]:
    """How often a policy reaches the goal of each pair."""
    pairs, which = reached.pairs
    return np.asarray([reached.hits[name][:, which == pair].mean() for pair in range(len(pairs))])


def _failing(reached: Reached) -> Int[np.ndarray, " failing"]:
    """The pairs that the best policy fails at least once, the worst first."""
    rates = _rates(reached, reached.best)
    order = np.argsort(rates, kind="stable")
    return np.asarray(order[rates[order] < 1])


def _cell(number: int, columns: int, rows: int) -> str:
    """The row and the column of a cell, counted from the top left as a plan of text is read."""
    row, column = divmod(number, columns)
    return f"row {rows - 1 - row}, column {column}"
