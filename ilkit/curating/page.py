"""A summary as one HTML page that needs nothing beside itself, in light and dark."""

from collections.abc import Iterator
from html import escape

import numpy as np

from ilkit.curating.figures import MOST_PANELS, Panels, draw_curves, draw_histograms, draw_shares
from ilkit.curating.summary import Summary, known_returns
from ilkit.curating.table import HEAD, headline, rows
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Discrete
from ilkit.reporting.page import Section, render_page, table


def render(demos: Demonstrations, summary: Summary, title: str) -> str:
    """The whole page, with the curves of the episode of median length."""
    return render_page(f"Demonstrations: {title}", _sections(demos, summary), setting=headline(summary))


def median_episode(demos: Demonstrations) -> int:
    """The first episode of median length, the shorter one of two in the middle."""
    median = np.sort(demos.lengths)[(demos.num_episodes - 1) // 2]
    return int(np.flatnonzero(demos.lengths == median)[0])


def _sections(demos: Demonstrations, summary: Summary) -> Iterator[Section]:
    episodes = [("length (steps)", demos.lengths)]
    if summary.returns is not None:
        episodes.append(("return (sum of rewards)", known_returns(demos)))
    known = "length" if summary.returns is None else "length and return"
    yield Section("Episodes", draw_histograms(episodes, columns=2), f"How many episodes have which {known}.")
    space = demos.spaces.action
    if isinstance(space, Discrete):
        yield Section("Actions", draw_shares(summary.action_shares), "How often each action was taken.")
    else:
        panels = _panels(demos.actions, "action")
        yield Section("Actions", draw_histograms(panels, action=True), _caption("How many steps", space.size))
    observed = draw_histograms(_panels(demos.obs, "obs"))
    yield Section("Observations", observed, _caption("How many observations", demos.obs.shape[1]))
    episode = median_episode(demos)
    start = int(demos.lengths[:episode].sum())
    stop = start + int(demos.lengths[episode])
    actions = demos.actions.reshape(len(demos.actions), -1)
    curves = draw_curves(_panels(actions[start:stop], "action"), action=True)
    curves += draw_curves(_panels(demos.obs[start + episode : stop + episode + 1], "obs"))
    told = "Actions and observations of an episode of median length over its steps."
    yield Section(f"Episode {episode}", curves, told)
    cells = [[escape(cell) for cell in row] for row in [*rows(summary.obs), *rows(summary.actions)]]
    yield Section("Ranges", table(HEAD, cells), "At bounds: the share at or beyond the limits of the space.")


def _panels(rows_of: np.ndarray, name: str) -> Panels:
    return [(f"{name} {dim}", rows_of[:, dim]) for dim in range(min(rows_of.shape[1], MOST_PANELS))]


def _caption(what: str, size: int) -> str:
    more = f" The first {MOST_PANELS} of {size} dimensions." if size > MOST_PANELS else ""
    return f"{what} lie where in each dimension, over the range that occurs.{more}"
