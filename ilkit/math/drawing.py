"""Anti-aliased drawing with signed distances, so that an environment draws itself inside a compiled function.

A shape is a signed distance, negative inside; `Canvas.paint` covers each pixel by the share of it that lies inside.
Coordinates are those of the world: x to the right, y upwards, in the world's units.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

Color = tuple[float, float, float]
Scalar = Float[Array, ""] | float
Point = tuple[Scalar, Scalar]
Distance = Float[Array, "#height #width"]

PAPER: Color = (0.976, 0.973, 0.957)
GRID: Color = (0.898, 0.890, 0.859)
INK: Color = (0.176, 0.204, 0.259)
STEEL: Color = (0.435, 0.482, 0.549)
BLUE: Color = (0.204, 0.420, 0.702)
ORANGE: Color = (0.890, 0.467, 0.161)
GREEN: Color = (0.235, 0.580, 0.384)
RED: Color = (0.792, 0.243, 0.251)


class Canvas(NamedTuple):
    """A picture in the making: colors from 0 to 1, and the coordinates of the centers of the pixels."""

    colors: Float[Array, "height width 3"]
    x: Float[Array, "1 width"]
    y: Float[Array, "height 1"]
    pixel: float
    """The side of a pixel in units of the world."""

    @classmethod
    def blank(cls, height: int, width: int, *, center: tuple[float, float], pixel: float) -> "Canvas":
        """An empty picture of `height` by `width` pixels around a point of the world."""
        x = center[0] + (jnp.arange(width, dtype=jnp.float32) - (width - 1) / 2) * pixel
        y = center[1] - (jnp.arange(height, dtype=jnp.float32) - (height - 1) / 2) * pixel
        colors = jnp.broadcast_to(jnp.asarray(PAPER, jnp.float32), (height, width, 3))
        return cls(colors, x[None, :], y[:, None], pixel)

    def paint(self, distance: Distance, color: Color, opacity: Scalar = 1.0) -> "Canvas":
        """Fills the inside of a shape."""
        coverage = jnp.clip(0.5 - distance / self.pixel, 0.0, 1.0)[..., None] * opacity
        return self._replace(colors=self.colors + coverage * (jnp.asarray(color, jnp.float32) - self.colors))

    def picture(self) -> UInt8[Array, "height width 3"]:
        """The finished picture."""
        return jnp.round(self.colors * 255.0).astype(jnp.uint8)

    def disk(self, center: Point, radius: Scalar) -> Distance:
        """A filled circle."""
        return jnp.hypot(self.x - center[0], self.y - center[1]) - radius

    def ring(self, center: Point, radius: Scalar, thickness: Scalar) -> Distance:
        """A circle of some thickness."""
        return jnp.abs(self.disk(center, radius)) - thickness / 2

    def rod(self, start: Point, end: Point, thickness: Scalar) -> Distance:
        """A segment with round ends."""
        along_x, along_y = end[0] - start[0], end[1] - start[1]
        from_x, from_y = self.x - start[0], self.y - start[1]
        square = jnp.maximum(along_x**2 + along_y**2, 1e-12)
        share = jnp.clip((from_x * along_x + from_y * along_y) / square, 0.0, 1.0)
        return jnp.hypot(from_x - share * along_x, from_y - share * along_y) - thickness / 2

    def box(
        self, center: Point, width: Scalar, height: Scalar, *, corner: float = 0.0, angle: Scalar = 0.0
    ) -> Distance:
        """A rectangle with round corners, turned counterclockwise by an angle in radians."""
        from_x, from_y = self.x - center[0], self.y - center[1]
        turned_x = jnp.cos(angle) * from_x + jnp.sin(angle) * from_y
        turned_y = jnp.cos(angle) * from_y - jnp.sin(angle) * from_x
        over_x = jnp.abs(turned_x) - width / 2 + corner
        over_y = jnp.abs(turned_y) - height / 2 + corner
        outside = jnp.hypot(jnp.maximum(over_x, 0.0), jnp.maximum(over_y, 0.0))
        return outside + jnp.minimum(jnp.maximum(over_x, over_y), 0.0) - corner
