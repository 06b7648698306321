"""A contextual bandit: one choice among arms, by a context, and its reward at once (Langford and Zhang, 2007).

The context is x ~ N(0, I) and the reward of arm a is r(x, a), linear, w_a · x, or that of a drawn network, in units in
which it has a given standard deviation. All of it is known, and with it what alignment is after:

    π*(a | x) ∝ π_ref(a | x) exp(r(x, a) / β)    maximizes    E[r] - β KL(π ‖ π_ref).
"""

from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.math.drawing import BLUE, GREEN, Canvas
from ilkit.nn.layered_policy import CategoricalPolicy
from ilkit.nn.perceptron import Layers, Perceptron, build_layers
from ilkit.spec import Spec

_CONTEXTS = 4096
_HIDDEN = (32, 32)
_REACH = 3.0


class Bandit(Spec):
    """One choice among arms by a context, whose rewards are known exactly (Langford and Zhang, 2007)."""

    kind: Literal["bandit"] = "bandit"
    num_arms: Annotated[int, Field(ge=2)] = 8
    """The arms to choose from."""
    context_size: PositiveInt = 4
    """The entries of a context."""
    rewards: Literal["linear", "network"] = "linear"
    """Whether the reward of an arm is linear in the context, or that of a drawn network."""
    reward_std: PositiveFloat = 2.0
    """The standard deviation of rewards over contexts and arms."""
    reward_seed: NonNegativeInt = 0
    """The seed that the rewards are drawn from."""
    demonstrated_rationality: Annotated[float, Field(ge=-100, le=100)] = 0.0
    """ρ: the environment's own demonstrator chooses an arm with a probability ∝ exp(ρ r); 0 chooses uniformly, and
    below 0 the bad arms rather."""


class BanditEnvironment(VectorEnvironment):
    """The state is the context, which is observed; an episode is one step."""

    layers: Layers
    """Rewards of all arms by the context."""
    rationality: Float[Array, ""]

    def arm_rewards(self, obs: Float[Array, "*batch context"]) -> Float[Array, "*batch arms"]:
        """r(x, a) of every arm."""
        return self.layers(obs)

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " context"]:
        """Draws a context."""
        return jax.random.normal(key, (self.spaces.observation.size,))

    def step(
        self, state: Float[Array, " context"], action: Int[Array, ""], *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " context"], Transition]:
        """Rewards the arm, and ends the episode; the context stays."""
        del key
        rewards = self.arm_rewards(state)
        return state, Transition(rewards[jnp.clip(action, 0, len(rewards) - 1)], jnp.asarray(True))

    def observe(self, state: Float[Array, " context"]) -> Float[Array, " context"]:
        """The context."""
        return state

    def state_of(self, obs: Float[Array, " context"]) -> Float[Array, " context"]:
        """The context."""
        return obs

    def demonstrator(self) -> Policy:
        """Chooses an arm with a probability ∝ exp(ρ r)."""
        logits = Perceptron(layers=_times(self.layers, self.rationality), observation=self.spaces.observation)
        normalizer = Normalizer.identity(self.spaces.observation)
        return CategoricalPolicy(network=logits, normalizer=normalizer, spaces=self.spaces)

    def frame(self, state: Float[Array, " context"], height: int) -> UInt8[Array, "height width 3"]:
        """The rewards of all arms as bars, the best one in green."""
        rewards = self.arm_rewards(state)
        count = len(rewards)
        tallest = 4.0 * jnp.maximum(jnp.max(jnp.abs(rewards)), 1e-6)
        canvas = Canvas.blank(height, 2 * height, center=(0.0, 0.0), pixel=1.0 / height)
        for arm in range(count):
            half = rewards[arm] / tallest
            place, width = -0.9 + 1.8 * (arm + 0.5) / count, 0.6 / count
            bar = canvas.box((place, half), width, jnp.abs(half) + 0.01)
            best = jnp.where(jnp.argmax(rewards) == arm, 1.0, 0.0)
            canvas = canvas.paint(bar, BLUE, 1.0 - best).paint(bar, GREEN, best)
        return canvas.picture()


def env(spec: Bandit) -> Environment:
    """Draws the rewards."""
    return BanditEnvironment(
        layers=_drawn(spec),
        rationality=jnp.asarray(spec.demonstrated_rationality, jnp.float32),
        spaces=Spaces(observation=Box.symmetric((np.inf,) * spec.context_size), action=Discrete(size=spec.num_arms)),
        max_steps=1,
        state_names=tuple(f"context {entry}" for entry in range(spec.context_size)),
        state_box=Box.symmetric((_REACH,) * spec.context_size),
    )


def _drawn(spec: Bandit) -> Layers:
    """Layers whose outputs have the standard deviation that is asked for."""
    layers_key, contexts_key = jax.random.split(jax.random.key(spec.reward_seed))
    if spec.rewards == "linear":
        weights = jax.random.normal(layers_key, (spec.num_arms, spec.context_size))
        layers = Layers((weights,), (jnp.zeros(spec.num_arms),), "tanh")
        return _times(layers, spec.reward_std / jnp.sqrt(jnp.mean(jnp.sum(weights**2, axis=1))))
    layers = build_layers((spec.context_size, *_HIDDEN, spec.num_arms), "tanh", key=layers_key)
    outputs = layers(jax.random.normal(contexts_key, (_CONTEXTS, spec.context_size)))
    return _times(layers, spec.reward_std / jnp.std(outputs))


def _times(layers: Layers, factor: float | Float[Array, ""]) -> Layers:
    """The layers with outputs that are so many times as large."""
    last = (layers.weights[-1] * factor, layers.biases[-1] * factor)
    return eqx.tree_at(lambda layers: (layers.weights[-1], layers.biases[-1]), layers, last)
