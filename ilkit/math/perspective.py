"""What a camera over flat ground sees: the pinhole projection of a lane that bends (Hartley and Zisserman, 2004)."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

ASPHALT, MARKING, VERGE = 0.35, 0.95, 0.55
"""How bright the road, its markings and what lies beside it are, from 0 to 1."""


class Ground(NamedTuple):
    """The points of the ground that the pixels below the horizon see, the upper edge being the horizon."""

    ahead: Float[Array, "height 1"]
    """How far ahead of the camera, in m."""
    left: Float[Array, "height width"]
    """How far to the left of its axis, in m."""
    pixel: Float[Array, "height 1"]
    """The width of a pixel on the ground, in m."""


def ground_of(height: int, width: int, *, camera_height: float, focal_length: float) -> Ground:
    """The ground below a level camera: row r sees X = h f / (r + ½) ahead and column c lies Y = -(c - c₀) X / f aside.

    The height h over the ground is in m, the focal length f in pixels.
    """
    rows = jnp.arange(height, dtype=jnp.float32)[:, None] + 0.5
    columns = jnp.arange(width, dtype=jnp.float32)[None, :] - (width - 1) / 2
    ahead = camera_height * focal_length / rows
    return Ground(ahead, -columns * ahead / focal_length, ahead / focal_length)


def lane_picture(
    ground: Ground, offset: Float[Array, "height width"], *, lane_width: float, marking_width: float
) -> Float[Array, "height width"]:
    """How bright each pixel is, by how far to the left of the middle of the lane the point lies that it sees, in m.

    A pixel is bright by the share of its width that lies on a marking, of which there is one on each side.
    """
    sides = jnp.abs(offset)
    road = _share(sides, ground.pixel, lane_width + marking_width)
    inner = _share(sides, ground.pixel, lane_width - marking_width)
    return VERGE + (MARKING - VERGE) * road + (ASPHALT - MARKING) * inner


def _share(at: Float[Array, "height width"], pixel: Float[Array, "height 1"], width: float) -> Array:
    """The share of a pixel at a distance from the middle that lies within a strip of this width about it."""
    return jnp.clip(0.5 + (width / 2 - at) / pixel, 0.0, 1.0)
