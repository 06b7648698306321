"""Rollouts as animated pictures that a page can hold."""

import base64
import io
from collections.abc import Mapping

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

_NUM_FRAMES = 60
_MILLISECONDS, _PAUSE = 70, 1500
"""How long a picture is shown, and how long the last one."""
_NUM_COLORS = 48


def shown_steps(lengths: Mapping[str, int]) -> Int[np.ndarray, " frames"]:
    """The steps of the episodes that are shown: at most 60, every k-th with one k for all, so that they run in step.

    They last as long as the longest that isn't random. There are always as many, so that nothing compiles again.
    """
    longest = max(length for name, length in lengths.items() if name != "random")
    shown = np.unique(np.linspace(0, longest, min(longest + 1, _NUM_FRAMES)).round().astype(int))
    return np.pad(shown, (0, _NUM_FRAMES - len(shown)), mode="edge")


def animate(steps: Int[np.ndarray, " frames"], frames: UInt8[np.ndarray, "frames height width 3"]) -> str:
    """The pictures of these steps of an episode as a GIF, a data URI."""
    return data_uri(gif_of(frames[: len(np.unique(steps))]), "gif")


def data_uri(content: bytes, form: str) -> str:
    """A picture as the address of itself."""
    return f"data:image/{form};base64," + base64.b64encode(content).decode()


def gif_of(frames: UInt8[np.ndarray, "frames height width 3"]) -> bytes:
    """The pictures one after the other, with one palette for all, so that what stands still takes no room."""
    pictures = [Image.fromarray(frame) for frame in frames]
    sheet = Image.fromarray(np.concatenate(frames[:: max(1, len(frames) // 8)]))
    palette = sheet.quantize(_NUM_COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    durations = [_MILLISECONDS] * (len(indexed) - 1) + [_PAUSE]
    file = io.BytesIO()
    indexed[0].save(
        file, "GIF", save_all=True, append_images=indexed[1:], duration=durations, loop=0, optimize=False, disposal=1
    )
    return file.getvalue()
