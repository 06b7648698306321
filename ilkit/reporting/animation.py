"""Rollouts as animated pictures that a page can hold."""

import base64
import io
from collections.abc import Mapping

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, UInt8
from PIL import Image

from ilkit.data.environment import Environment

_NUM_FRAMES = 60
_MILLISECONDS = 70
_NUM_COLORS = 48


def animate(env: Environment, episodes: Mapping[str, Float[np.ndarray, "_ obs"]]) -> dict[str, str]:
    """Draws the observations of one episode of each policy: GIFs of one length, as data URIs.

    At most 60 frames are shown, every k-th with one k for all the episodes, so that they run in step. They last as
    long as the longest that isn't random; one that ends before stays on its last frame.
    """
    longest = max(len(obs) for name, obs in episodes.items() if name != "random")
    shown = np.unique(np.linspace(0, longest - 1, min(longest, _NUM_FRAMES)).round().astype(int))
    rows = np.pad(shown, (0, _NUM_FRAMES - len(shown)), mode="edge")  # always as many, so that nothing compiles again
    frames = {name: np.asarray(_draw(env, obs[np.minimum(rows, len(obs) - 1)])) for name, obs in episodes.items()}
    return {name: _gif(pictures[: len(shown)]) for name, pictures in frames.items()}


@eqx.filter_jit
def _draw(env: Environment, obs: Float[Array, "frames obs"]) -> UInt8[Array, "frames height width 3"]:
    return jax.vmap(lambda one: env.frame(env.state_of(one)))(obs)


def _gif(frames: UInt8[np.ndarray, "frames height width 3"]) -> str:
    """One palette for all frames, so that what stands still takes no room."""
    pictures = [Image.fromarray(frame) for frame in frames]
    sheet = Image.fromarray(np.concatenate(frames[:: max(1, len(frames) // 8)]))
    palette = sheet.quantize(_NUM_COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    durations = [_MILLISECONDS] * (len(indexed) - 1) + [12 * _MILLISECONDS]
    file = io.BytesIO()
    indexed[0].save(
        file, "GIF", save_all=True, append_images=indexed[1:], duration=durations, loop=0, optimize=False, disposal=1
    )
    return "data:image/gif;base64," + base64.b64encode(file.getvalue()).decode()
