"""A narrow ledge, then one leap: exploring costs a fall everywhere but at the edge, where nearly nobody demonstrated.

Who walks along the ledge at y corrects by sidesteps, y' = y + a + gust · ε, and falls beyond the half width. Its last
step leads to the middle of a platform, the edge; from there a is where the leap goes, and it lands within `tolerance`
of 0.8 sin(4 c), which an observed mark c tells. Noise that finds the leap falls off the ledge, unless it is small where
demonstrations agree and large where they are missing (a bottleneck of the data, which explorers by uncertainty are made
for: Wagenmaker et al., 2025, "Posterior behavioral cloning").
"""

from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, UInt8
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.math.drawing import BLUE, GREEN, GRID, ORANGE, Canvas
from ilkit.spec import Spec

_LENGTH, _GAP, _REACH = 3.2, 0.4, 1.0
"""On the map: how long the ledge is, how wide the gap behind it, and how far the map goes to all sides."""


class Ledge(Spec):
    """A narrow ledge, then one leap whose right length a mark tells and few demonstrate: where noise pays, it falls."""

    kind: Literal["ledge"] = "ledge"
    num_ledge_steps: PositiveInt = 40
    """How many steps the ledge is long; one more is the leap, with which an episode ends."""
    half_width: PositiveFloat = 0.4
    """How far from the middle of the ledge one may be; a sidestep is at most 1."""
    gust: NonNegativeFloat = 0.03
    """The standard deviation of what pushes sideways at every step."""
    initial_spread: NonNegativeFloat = 0.2
    """How far from the middle an episode starts, at most."""
    tolerance: PositiveFloat = 0.15
    """How far from the right place a leap may land."""


class LedgeEnvironment(VectorEnvironment):
    """States are (steps taken, offset from the middle, mark); the reward is 1 for a leap that lands.

    Observed are whether one stands at the edge (1, else 0), the offset and the mark.
    """

    spec: Ledge
    goal_reward: ClassVar[float] = 1.0

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " 3"]:
        """Starts near the middle of the beginning, with a mark of its own."""
        offset, mark = jax.random.uniform(key, (2,), minval=-1.0, maxval=1.0)
        return jnp.stack([jnp.zeros(()), self.spec.initial_spread * offset, mark])

    def step(
        self, state: Float[Array, " 3"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " 3"], Transition]:
        """Steps along or, from the edge, leaps; a fall and the leap end the episode."""
        taken, offset, mark = state
        action = jnp.clip(action[0], -1.0, 1.0)
        leaps = taken >= self.spec.num_ledge_steps
        pushed = offset + action + self.spec.gust * jax.random.normal(key)
        lands = leaps & (jnp.abs(action - landing(mark)) < self.spec.tolerance)
        falls = ~leaps & (jnp.abs(pushed) > self.spec.half_width)
        arrives = taken + 1.0 >= self.spec.num_ledge_steps
        offset = jnp.where(leaps, action, jnp.where(arrives & ~falls, 0.0, pushed))
        after = jnp.stack([taken + 1.0, offset, mark])
        return after, Transition(jnp.where(lands, self.goal_reward, 0.0), leaps | falls)

    def observe(self, state: Float[Array, " 3"]) -> Float[Array, " 3"]:
        """Whether one stands at the edge, the offset, the mark."""
        at_edge = (state[0] >= self.spec.num_ledge_steps).astype(state.dtype)
        return jnp.stack([at_edge, state[1], state[2]])

    def demonstrator(self) -> Policy:
        """Returns to the middle by half of the offset, and leaps as the mark says."""
        return LedgePolicy(normalizer=Normalizer.identity(3), spaces=self.spaces)

    def place(self, state: Float[Array, " 3"]) -> Float[Array, " 2"]:
        """Along the ledge and across it; behind the gap after the leap."""
        along = state[0] * (_LENGTH / self.spec.num_ledge_steps)
        return jnp.stack([jnp.where(state[0] > self.spec.num_ledge_steps, _LENGTH + _GAP, along), state[1]])

    def chart(self, height: int) -> tuple[UInt8[Array, "height width 3"], tuple[float, float, float, float]]:
        """The ledge, seen from above."""
        canvas = self._canvas(height)
        width, rows = len(canvas.x[0]), len(canvas.y)
        left = _LENGTH / 2 - canvas.pixel * width / 2
        reach = canvas.pixel * rows / 2
        return canvas.picture(), (left, left + canvas.pixel * width, -reach, reach)

    def frame(self, state: Float[Array, " 3"], height: int) -> UInt8[Array, "height width 3"]:
        """The walker on the ledge, and where the leap of this mark lands."""
        canvas, (along, across) = self._canvas(height), self.place(state)
        canvas = canvas.paint(canvas.disk((_LENGTH + _GAP, landing(state[2])), self.spec.tolerance), GREEN)
        return canvas.paint(canvas.disk((along, across), 0.08), BLUE).picture()

    def _canvas(self, height: int) -> Canvas:
        pixel = 2 * _REACH / height
        width = round((_LENGTH + 2 * _REACH) / pixel)
        canvas = Canvas.blank(height, width, center=(_LENGTH / 2, 0.0), pixel=pixel)
        canvas = canvas.paint(canvas.box((_LENGTH / 2, 0.0), _LENGTH, 2 * self.spec.half_width), GRID)
        return canvas.paint(canvas.box((_LENGTH, 0.0), 0.05, 2 * self.spec.half_width), ORANGE)


class LedgePolicy(Policy):
    """a = -y / 2 on the ledge, and 0.8 sin(4 c) at its edge."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " 3"]) -> tuple[PyTree, Float[Array, " 1"]]:
        """The action."""
        return carry, jnp.where(obs[0] >= 1.0, landing(obs[2]), -0.5 * obs[1])[None]


def landing(mark: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Where to leap, 0.8 sin(4 c)."""
    return 0.8 * jnp.sin(4.0 * mark)


def env(spec: Ledge) -> Environment:
    """Builds the ledge."""
    steps = spec.num_ledge_steps + 1.0
    return LedgeEnvironment(
        spec=spec,
        spaces=Spaces(observation=Box.symmetric((np.inf,) * 3), action=Box.symmetric((1.0,))),
        max_steps=spec.num_ledge_steps + 1,
        state_names=("steps taken", "offset", "mark"),
        state_box=Box(low=(0.0, -spec.half_width, -1.0), high=(steps, spec.half_width, 1.0)),
    )
