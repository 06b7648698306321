"""A cue at the start decides at the end what is right; without a memory it is a guess (Hochreiter et al., 1997)."""

from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree, UInt8
from pydantic import PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.math.drawing import BLUE, GREEN, GRID, ORANGE, Canvas
from ilkit.spec import Spec


class Recall(Spec):
    """A cue at the start that decides, a delay later, which answer is right: only a memory can tell."""

    kind: Literal["recall"] = "recall"
    delay: PositiveInt = 20
    """Steps between the cue and the question."""


class RecallState(NamedTuple):
    """The cue, -1 or 1, and the step of the episode."""

    cue: Float[Array, ""]
    step: Int[Array, ""]


class RecallEnvironment(Environment):
    """The observation is (cue, in the first step; 1 in the last one, which asks); action 1 answers to the cue 1.

    The reward of the last step is 1 for the right answer; in the others nothing matters.
    """

    spec: Recall
    spaces: Spaces = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)

    def reset(self, *, key: PRNGKeyArray) -> RecallState:
        """Draws the cue."""
        return RecallState(
            jnp.where(jax.random.bernoulli(key), jnp.float32(1.0), jnp.float32(-1.0)), jnp.zeros((), jnp.int32)
        )

    def step(self, state: RecallState, action: Array, *, key: PRNGKeyArray) -> tuple[RecallState, Transition]:
        """Goes on; the answer to the question ends the episode."""
        del key
        asked = state.step == self.spec.delay + 1
        right = asked & ((action == 1) == (state.cue > 0))
        return RecallState(state.cue, state.step + 1), Transition(jnp.where(right, 1.0, 0.0), asked)

    def observe(self, state: RecallState) -> Float[Array, " 2"]:
        """The cue while it is shown, and whether it is asked for."""
        asked = (state.step == self.spec.delay + 1).astype(jnp.float32)
        return jnp.stack([jnp.where(state.step == 0, state.cue, 0.0), asked])

    def demonstrator(self) -> Policy:
        """Remembers the cue."""
        return RecallPolicy(normalizer=Normalizer.identity(2), spaces=self.spaces)

    def frame(self, state: RecallState, height: int) -> UInt8[Array, "height width 3"]:
        """Where in the corridor the episode is, the cue while it is shown, and the two doors."""
        canvas = Canvas.blank(height, 2 * height, center=(0.0, 0.0), pixel=2.0 / height)
        canvas = canvas.paint(canvas.rod((-1.6, 0.0), (1.6, 0.0), 0.25), GRID)
        for side, color in ((0.6, ORANGE), (-0.6, GREEN)):
            canvas = canvas.paint(canvas.box((1.7, side), 0.3, 0.5), color)
            shown = (state.step == 0) & ((state.cue > 0) == (side > 0))
            canvas = canvas.paint(canvas.disk((-1.6, 0.55), 0.2), color, jnp.where(shown, 1.0, 0.0))
        along = -1.6 + 3.2 * state.step / (self.spec.delay + 2)
        return canvas.paint(canvas.disk((along, 0.0), 0.15), BLUE).picture()


class RecallPolicy(Policy):
    """Answers to the cue that it remembers, and does nothing, action 0, before."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def initial_carry(self) -> Float[Array, ""]:
        """No cue yet."""
        return jnp.zeros(())

    def mode(self, carry: PyTree, obs: Float[Array, " 2"]) -> tuple[PyTree, Int[Array, ""]]:
        """The answer once it is asked for."""
        cue = jnp.where(obs[0] == 0.0, carry, obs[0])
        return cue, ((obs[1] > 0) & (cue > 0)).astype(jnp.int32)


def env(spec: Recall) -> Environment:
    """Builds the task; an episode has two steps more than the delay."""
    observation = Box(low=(-1.0, 0.0), high=(1.0, 1.0))
    return RecallEnvironment(
        spec=spec, spaces=Spaces(observation=observation, action=Discrete(size=2)), max_steps=spec.delay + 2
    )
