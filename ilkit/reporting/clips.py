"""Clips as pictures: what was seen and done in them, and which of two is preferred."""

import io
from html import escape
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree, UInt8
from PIL import Image, ImageDraw, ImageFont

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Drawable, Environment, HostEnvironment, Invertible
from ilkit.data.preferences import Preferences
from ilkit.data.spaces import Box, Space
from ilkit.errors import counted
from ilkit.reporting.animation import data_uri, gif_of
from ilkit.reporting.page import Section, table

_HEIGHT, _HEAD, _GAP = 240, 28, 16
"""Of a clip that moves, of the line above it and of what is between two, in pixels."""
_SHOWN_HEIGHT = 150
"""Of two clips on a page."""
_MOST_FRAMES = 32
_MOST_LINES = 8
SIDES = ("first", "second")


class Picture(NamedTuple):
    """The two clips of a pair, side by side, as the content of a file."""

    form: Literal["gif", "png"]
    content: bytes

    @property
    def markup(self) -> str:
        """The picture as an element of a page."""
        return f'<img src="{data_uri(self.content, self.form)}" alt="first and second clip" height="{_SHOWN_HEIGHT}">'


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
    """Some of the pairs: the number, both clips, their returns and the answer, as markup."""


def picture_of(first: Demonstrations, second: Demonstrations, world: Environment | HostEnvironment | None) -> Picture:
    """Two clips side by side, with first and second written above them.

    They are shown as they move, in step, where what is seen are pictures or the environment draws what was observed;
    else, and where nothing moves in the drawings, as lines over their steps.
    """
    drawn = [_frames(clip, world) for clip in (first, second)]
    moving = [frames for frames in drawn if frames is not None]
    if len(moving) < len(drawn) or all((frames == frames[:1]).all() for frames in moving):
        return Picture("png", _lines(first, second))
    count = max(map(len, moving))
    sides = [_headed(frames, name) for name, frames in zip(SIDES, moving, strict=True)]
    held = [np.concatenate([side, np.repeat(side[-1:], count - len(side), axis=0)]) for side in sides]
    between = np.full((count, held[0].shape[1], _GAP, 3), 255, np.uint8)
    return Picture("gif", gif_of(np.concatenate([held[0], between, held[1]], axis=2)))


def _headed(frames: UInt8[np.ndarray, "frames height width 3"], name: str) -> UInt8[np.ndarray, "frames rows width 3"]:
    """The pictures with a name above them."""
    head = Image.new("RGB", (frames.shape[2], _HEAD), "white")
    font = ImageFont.load_default(size=18)
    ImageDraw.Draw(head).text((frames.shape[2] / 2, _HEAD / 2), name, fill="black", anchor="mm", font=font)
    return np.concatenate([np.repeat(np.asarray(head)[None], len(frames), axis=0), frames], axis=1)


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
        table(("pair", "first and second clip", "returns of both", "preferred"), rows),
        f"{len(rows)} of {counted(told.pairs, 'pair')}{ties}{follows}.",
    )


def _row(preferences: Preferences, number: int, world: Environment | HostEnvironment | None) -> tuple[str, ...]:
    probability, chosen = float(preferences.probability[number]), np.asarray([number])
    said = {1.0: "first", 0.0: "second", 0.5: "tie"}.get(probability, f"first by {100 * probability:.0f} %")
    first, second = preferences.first.take(chosen), preferences.second.take(chosen)
    known = np.isfinite(first.rewards).all() and np.isfinite(second.rewards).all()
    returns = f"{first.returns[0]:.3g} and {second.returns[0]:.3g}" if known else "unknown"
    return str(number), picture_of(first, second, world).markup, returns, escape(said)


def _frames(
    clip: Demonstrations, world: Environment | HostEnvironment | None
) -> UInt8[np.ndarray, "frames height width 3"] | None:
    """Pictures of a single clip; none where nothing draws it."""
    rows = np.unique(np.linspace(0, clip.num_steps, min(clip.num_obs, _MOST_FRAMES)).round().astype(int))
    if _is_picture(clip.spaces.observation):
        return np.stack([_enlarged(clip.obs[row]) for row in rows])
    if not isinstance(world, Environment) or world.spaces.observation != clip.spaces.observation:
        return None
    if not (isinstance(world, Drawable) and isinstance(world, Invertible)):
        return None
    padded = np.pad(rows, (0, _MOST_FRAMES - len(rows)), mode="edge")  # so that nothing compiles again
    frames = np.asarray(_drawn(world, jax.tree.map(lambda column: jnp.asarray(column[padded]), clip.obs)))
    return np.stack([_enlarged(frame) for frame in frames[: len(rows)]])


@eqx.filter_jit
def _drawn(world: Environment, obs: PyTree) -> UInt8[Array, "frames height width 3"]:
    assert isinstance(world, Drawable)
    assert isinstance(world, Invertible)
    return jax.vmap(lambda one: world.frame(world.state_of(one), _HEIGHT))(obs)


def _is_picture(space: Space) -> bool:
    return isinstance(space, Box) and space.dtype == "uint8" and len(space.shape) == 3 and space.shape[2] in (1, 3)


def _enlarged(pixels: UInt8[np.ndarray, "height width colors"]) -> UInt8[np.ndarray, "rows columns 3"]:
    picture = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy())
    size = (max(1, round(_HEIGHT * picture.width / picture.height)), _HEIGHT)  # that of drawings already, as a rule
    return np.asarray(picture.resize(size, Image.Resampling.NEAREST))


def _lines(first: Demonstrations, second: Demonstrations) -> bytes:
    """Observations and actions of both over the steps, on the same axes, at most eight entries of each."""
    import matplotlib  # takes longer to import than a pipeline to check
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"font.size": 9}):
        figure = Figure(figsize=(6.4, 3.2), dpi=100, layout="constrained")
        axes = figure.subplots(2, 2, sharex=True, sharey="row")
        for column, (name, clip) in enumerate(zip(SIDES, (first, second), strict=True)):
            seen = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(clip.obs)], axis=1)
            for axis, rows in zip(axes[:, column], (seen, clip.taken.reshape(clip.num_steps, -1)), strict=True):
                axis.plot(rows[:, :_MOST_LINES], ".-", linewidth=0.8, markersize=3)
            axes[0, column].set_title(name)
            axes[1, column].set_xlabel("step")
        axes[0, 0].set_ylabel("observed")
        axes[1, 0].set_ylabel("action")
        for row in axes:
            entries = [str(entry) for entry in range(len(row[1].lines))]
            row[1].legend(
                row[1].lines, entries, title="entry", loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7
            )
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()
