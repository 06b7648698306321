"""Clips as pictures: what was seen and done in them, and which of two is preferred."""

import io
from html import escape
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree, UInt8
from PIL import Image

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Drawable, Environment, HostEnvironment, Invertible
from ilkit.data.preferences import Preferences
from ilkit.data.spaces import Box, Space
from ilkit.errors import counted
from ilkit.reporting.animation import data_uri, gif_of
from ilkit.reporting.page import Section, table

_HEIGHT = 120
"""Of pictures that move, in pixels."""
_MOST_FRAMES = 32
_MOST_LINES = 8


class Picture(NamedTuple):
    """A clip as the content of a file."""

    form: Literal["gif", "png"]
    content: bytes

    @property
    def markup(self) -> str:
        """The picture as an element of a page."""
        return f'<img src="{data_uri(self.content, self.form)}" alt="clip" height="{_HEIGHT}">'


class Told(NamedTuple):
    """What is to say of many answers."""

    pairs: int
    ties: float
    """The share of those who like both clips alike."""
    follows_return: float | None
    """The share of the other answers that prefer the larger return; none where no two returns are known to differ."""


class Answers(NamedTuple):
    """What was said of pairs of clips."""

    told: Told
    shown: list[tuple[str, ...]]
    """Some of the pairs: the number, both clips and the answer, as markup."""


def picture_of(clip: Demonstrations, world: Environment | HostEnvironment | None) -> Picture:
    """A single clip: as it moves, where what is seen are pictures or the environment draws what was observed; else,
    and where nothing moves in the drawing, as lines over its steps."""
    rows = np.unique(np.linspace(0, clip.num_steps, min(clip.num_obs, _MOST_FRAMES)).round().astype(int))
    frames = _frames(clip, world, rows)
    return Picture("png", _lines(clip)) if frames is None else Picture("gif", gif_of(frames[: len(rows)]))


def told_of(preferences: Preferences) -> Told:
    """How many answers are ties, and how many of the others follow the returns."""
    tied = preferences.probability == 0.5
    gap = preferences.first.returns - preferences.second.returns
    known = ~tied & np.isfinite(gap) & (gap != 0)
    follows = (gap > 0) == (preferences.probability > 0.5)
    return Told(len(tied), float(tied.mean()), float(follows[known].mean()) if known.any() else None)


def told_metrics(told: Told) -> dict[str, int | float]:
    """The same as numbers by their names, without what isn't known."""
    return {name: value for name, value in told._asdict().items() if value is not None}


def show_answers(preferences: Preferences, world: Environment | HostEnvironment | None, most: int = 6) -> Answers:
    """What is to say of all pairs, and some of them, evenly spread, as pictures."""
    shown = np.unique(np.linspace(0, preferences.num_pairs - 1, most).round().astype(int))
    return Answers(told_of(preferences), [_row(preferences, number, world) for number in shown.tolist()])


def answers_section(name: str, answers: Answers) -> Section:
    """Pairs of clips and what was said of them."""
    told, rows = answers
    ties = f", {100 * told.ties:.0f} % of them ties" if told.ties else ""
    follows = (
        ""
        if told.follows_return is None
        else f"; {100 * told.follows_return:.0f} % of those that prefer one prefer the larger return"
    )
    return Section(
        f"Answers: {name}",
        table(("pair", "first", "second", "preferred"), rows),
        f"{len(rows)} of {counted(told.pairs, 'pair')}{ties}{follows}.",
    )


def _row(preferences: Preferences, number: int, world: Environment | HostEnvironment | None) -> tuple[str, ...]:
    probability, chosen = float(preferences.probability[number]), np.asarray([number])
    said = {1.0: "first", 0.0: "second", 0.5: "tie"}.get(probability, f"first by {100 * probability:.0f} %")
    cells = []
    for side in (preferences.first.take(chosen), preferences.second.take(chosen)):
        returned = f"<br>return {side.returns[0]:.3g}" if np.isfinite(side.rewards).all() else ""
        cells.append(picture_of(side, world).markup + returned)
    return str(number), *cells, escape(said)


def _frames(
    clip: Demonstrations, world: Environment | HostEnvironment | None, rows: np.ndarray
) -> UInt8[np.ndarray, "frames height width 3"] | None:
    if _is_picture(clip.spaces.observation):
        return np.stack([_enlarged(clip.obs[row]) for row in rows])
    if not isinstance(world, Environment) or world.spaces.observation != clip.spaces.observation:
        return None
    if not (isinstance(world, Drawable) and isinstance(world, Invertible)):
        return None
    padded = np.pad(rows, (0, _MOST_FRAMES - len(rows)), mode="edge")  # so that nothing compiles again
    frames = np.asarray(_drawn(world, jax.tree.map(lambda column: jnp.asarray(column[padded]), clip.obs)))
    is_still = (frames == frames[:1]).all()  # as a bandit's: a drawing of its context doesn't tell what was done
    return None if is_still else frames


@eqx.filter_jit
def _drawn(world: Environment, obs: PyTree) -> UInt8[Array, "frames height width 3"]:
    assert isinstance(world, Drawable)
    assert isinstance(world, Invertible)
    return jax.vmap(lambda one: world.frame(world.state_of(one), _HEIGHT))(obs)


def _is_picture(space: Space) -> bool:
    return isinstance(space, Box) and space.dtype == "uint8" and len(space.shape) == 3 and space.shape[2] in (1, 3)


def _enlarged(pixels: UInt8[np.ndarray, "height width colors"]) -> UInt8[np.ndarray, "rows columns 3"]:
    picture = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy())
    size = (max(1, round(_HEIGHT * picture.width / picture.height)), _HEIGHT)
    return np.asarray(picture.resize(size, Image.Resampling.NEAREST))


def _lines(clip: Demonstrations) -> bytes:
    """Observations and actions over the steps, at most eight entries of each."""
    import matplotlib  # takes longer to import than a pipeline to check
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"font.size": 7}):
        figure = Figure(figsize=(2.6, 2.0), dpi=100, layout="constrained")
        seen = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(clip.obs)], axis=1)
        axes = figure.subplots(2, 1, sharex=True)
        shown = {"observed": seen, "done": clip.taken.reshape(clip.num_steps, -1)}
        for axis, (name, rows) in zip(axes, shown.items(), strict=True):
            axis.plot(rows[:, :_MOST_LINES], ".-", linewidth=0.8, markersize=3)
            axis.set_ylabel(name)
        axes[1].set_xlabel("step")
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()
