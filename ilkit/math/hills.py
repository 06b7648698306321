"""A picture of a car on hills of height sin 3x, with a flag at its goal."""

import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from ilkit.math.drawing import BLUE, GREEN, GRID, INK, STEEL, Canvas


def hills_with_car(
    position: Float[Array, ""], goal: float | Float[Array, ""], height: int
) -> UInt8[Array, "height width 3"]:
    """The car on its hills at a position, and a flag at the goal; a picture of `height` rows."""
    canvas = Canvas.blank(height, height * 21 // 13, center=(-0.3, 0.6), pixel=2.06 / 210 * 130 / height)
    slope = 1.35 * jnp.cos(3.0 * canvas.x)
    ground = (canvas.y - _height(canvas.x)) / jnp.sqrt(1.0 + slope**2)
    canvas = canvas.paint(ground, GRID).paint(jnp.abs(ground) - 0.009, STEEL)
    foot = _height(goal)
    canvas = canvas.paint(canvas.rod((goal, foot), (goal, foot + 0.2), 0.014), INK)
    canvas = canvas.paint(canvas.box((goal + 0.055, foot + 0.17), 0.1, 0.065, corner=0.01), GREEN)
    angle = jnp.arctan(1.35 * jnp.cos(3.0 * position))

    def place(along: float, above: float) -> tuple[Array, Array]:
        x = position + along * jnp.cos(angle) - above * jnp.sin(angle)
        return x, _height(position) + along * jnp.sin(angle) + above * jnp.cos(angle)

    canvas = canvas.paint(canvas.box(place(0.0, 0.07), 0.17, 0.06, corner=0.02, angle=angle), BLUE)
    canvas = canvas.paint(canvas.box(place(-0.01, 0.105), 0.09, 0.05, corner=0.02, angle=angle), BLUE)
    for along in (-0.05, 0.05):
        canvas = canvas.paint(canvas.disk(place(along, 0.035), 0.03), INK)
    return canvas.picture()


def _height(position: Float[Array, "..."] | float) -> Float[Array, "..."]:
    return 0.45 * jnp.sin(3.0 * jnp.asarray(position)) + 0.55
