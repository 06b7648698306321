"""What the rope and the cliff share: two states, on and off, two actions, and errors when an action is done.

Whoever is off pays 1 a step. In place of the action that was chosen the other one is done with probability ε, so that
a learner's error is what one sets, not what happens to be learnt.
"""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, UInt8

from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.math.drawing import BLUE, GRID, INK, Canvas
from ilkit.math.two_states import expected_steps_off
from ilkit.nn.layered_policy import CategoricalPolicy
from ilkit.nn.perceptron import Layers, Perceptron

KEEP, RETURN = 0, 1
"""The actions: to keep on, which is right on the way, and to return to it, which is right beside it."""
SPACES = Spaces(observation=Box(low=(0.0,), high=(1.0,)), action=Discrete(size=2))
"""The spaces: where one is, and the actions."""

State = Float[Array, " 1"]
"""0 on the way, 1 off it."""


class TwoStates(Environment):
    """State and observation are 0 on the way and 1 off it; the reward is -1 for every step that ends off it."""

    spaces: Spaces = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)
    state_names: ClassVar[tuple[str, ...]] = ("off the way",)
    state_box: ClassVar[Box] = Box(low=(0.0,), high=(1.0,))

    @abstractmethod
    def error_at(self, off: Bool[Array, ""]) -> Float[Array, ""]:
        """The probability with which the other action is done, on and off the way."""

    @abstractmethod
    def leads_off(self, off: Bool[Array, ""], action: Int[Array, ""]) -> Bool[Array, ""]:
        """Whether the action that is done leads off the way, or doesn't lead back to it."""

    def reset(self, *, key: PRNGKeyArray) -> State:
        """Starts on the way."""
        del key
        return jnp.zeros(1)

    def step(self, state: State, action: Array, *, key: PRNGKeyArray) -> tuple[State, Transition]:
        """Does the action or, by an error, the other one; no episode terminates."""
        off = state[0] > 0.5
        done = jnp.where(jax.random.bernoulli(key, self.error_at(off)), 1 - action, action)
        after = self.leads_off(off, done).astype(jnp.float32)
        return after[None], Transition(-after, jnp.asarray(False))

    def observe(self, state: State) -> Float[Array, " 1"]:
        """The state."""
        return state

    def state_of(self, obs: Float[Array, " 1"]) -> State:
        """The observation."""
        return obs

    def demonstrator(self) -> Policy:
        """Keeps on the way, and returns to it."""
        layers = Layers((jnp.asarray([[-2.0], [0.0]]),), (jnp.asarray([1.0, 0.0]),), "tanh")
        network = Perceptron(layers=layers, observation=self.spaces.observation)
        return CategoricalPolicy(network=network, normalizer=Normalizer.identity(1), spaces=self.spaces)

    def expected_costs(self, policy: Policy, horizons: Int[np.ndarray, " horizons"]) -> Float[np.ndarray, " horizons"]:
        """The expected number of steps off the way, for what the policy's mode is in the two states."""
        chances = []
        for off in (False, True):
            chosen = int(policy.mode(policy.initial_carry(), jnp.asarray([float(off)]))[1])
            error = float(self.error_at(jnp.asarray(off)))
            to_off = [float(self.leads_off(jnp.asarray(off), jnp.asarray(done))) for done in (chosen, 1 - chosen)]
            chances.append((1.0 - error) * to_off[0] + error * to_off[1])
        return expected_steps_off(chances[0], 1.0 - chances[1], horizons)

    def frame(self, state: State, height: int) -> UInt8[Array, "height width 3"]:
        """Somebody on a rope, or below it."""
        canvas = Canvas.blank(height, 2 * height, center=(0.0, 0.0), pixel=2.0 / height)
        canvas = canvas.paint(canvas.box((0.0, -0.85), 4.0, 0.3), GRID)
        canvas = canvas.paint(canvas.rod((-1.7, 0.1), (1.7, 0.1), 0.04), INK)
        at = 0.35 - 0.9 * state[0]
        canvas = canvas.paint(canvas.box((0.0, at - 0.1), 0.16, 0.3, corner=0.05), BLUE)
        return canvas.paint(canvas.disk((0.0, at + 0.15), 0.1), BLUE).picture()
