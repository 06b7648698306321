"""A summary as one HTML page that needs nothing beside itself, in light and dark."""

import re
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from ilkit.curating.figures import MOST_PANELS, Panels, draw_curves, draw_histograms, draw_shares
from ilkit.curating.summary import Column, Summary, known_returns
from ilkit.curating.table import HEAD, headline, rows
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Discrete
from ilkit.reporting.style import PAGE

_STYLE = (
    PAGE
    + """
h1 { margin: 0 0 .6rem; }
p { margin: .2rem 0; }
th, td { padding: .26rem .5rem; }
"""
)


def render(demos: Demonstrations, summary: Summary, title: str) -> str:
    """The whole page, with the curves of the episode of median length."""
    sections = "".join(
        f"<section><h2>{escape(name)}</h2><figure>{body}<figcaption>{escape(caption)}</figcaption></figure></section>\n"
        for name, body, caption in _sections(demos, summary)
    )
    counts = "".join(f"<p>{_minus(escape(line))}</p>" for line in headline(summary))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>Demonstrations: {escape(title)}</h1>\n{counts}\n{sections}</body>\n</html>\n"
    )


def median_episode(demos: Demonstrations) -> int:
    """The first episode of median length, the shorter one of two in the middle."""
    median = np.sort(demos.lengths)[(demos.num_episodes - 1) // 2]
    return int(np.flatnonzero(demos.lengths == median)[0])


def _sections(demos: Demonstrations, summary: Summary) -> Iterator[tuple[str, str, str]]:
    episodes = [("length (steps)", demos.lengths)]
    if summary.returns is not None:
        episodes.append(("return (sum of rewards)", known_returns(demos)))
    known = "length" if summary.returns is None else "length and return"
    yield "Episodes", draw_histograms(episodes, columns=2), f"How many episodes have which {known}."
    space = demos.spaces.action
    if isinstance(space, Discrete):
        yield "Actions", draw_shares(summary.action_shares), "How often each action was taken."
    else:
        panels = _panels(demos.actions, "action")
        yield "Actions", draw_histograms(panels, action=True), _caption("How many steps", space.size)
    obs_size = demos.obs.shape[1]
    yield "Observations", draw_histograms(_panels(demos.obs, "obs")), _caption("How many observations", obs_size)
    episode = median_episode(demos)
    start = int(demos.lengths[:episode].sum())
    stop = start + int(demos.lengths[episode])
    actions = demos.actions.reshape(len(demos.actions), -1)
    curves = draw_curves(_panels(actions[start:stop], "action"), action=True)
    curves += draw_curves(_panels(demos.obs[start + episode : stop + episode + 1], "obs"))
    yield f"Episode {episode}", curves, "Actions and observations of an episode of median length over its steps."
    yield "Ranges", _table(summary.obs, summary.actions), "At bounds: the share at or beyond the limits of the space."


def _panels(rows_of: np.ndarray, name: str) -> Panels:
    return [(f"{name} {dim}", rows_of[:, dim]) for dim in range(min(rows_of.shape[1], MOST_PANELS))]


def _caption(what: str, size: int) -> str:
    more = f" The first {MOST_PANELS} of {size} dimensions." if size > MOST_PANELS else ""
    return f"{what} lie where in each dimension, over the range that occurs.{more}"


def _table(obs: Sequence[Column], actions: Sequence[Column]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in HEAD)
    body = "".join(
        "<tr>{}</tr>".format("".join(f"<td>{_minus(escape(cell))}</td>" for cell in row))
        for row in [*rows(obs), *rows(actions)]
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _minus(text: str) -> str:
    """The hyphens before digits as minus signs."""
    return re.sub(r"(?<![\w-])-(?=\d)", "−", text)
