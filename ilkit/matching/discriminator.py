"""Discriminators, which tell demonstrated steps from tried ones, and the rewards that they make."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ilkit.data.reward import Reward
from ilkit.matching.features import Features
from ilkit.matching.pairs import Pairs
from ilkit.nn.perceptron import Layers, build_layers, build_silent_layers


class Discriminator(eqx.Module):
    """A function V of steps, above 0 where a step is rather the expert's."""

    @abstractmethod
    def see(self, pairs: Pairs) -> PyTree:
        """What it sees of steps: vectors, rows leading."""

    @abstractmethod
    def see_absorbing(self) -> PyTree | None:
        """What it sees of a step in the absorbing state, as one row; nothing where it knows of none."""

    @abstractmethod
    def values(self, seen: PyTree) -> Float[Array, " rows"]:
        """V of what it sees."""


class PairDiscriminator(Discriminator):
    """Fully connected layers on a step as one vector."""

    layers: Layers
    features: Features

    @classmethod
    def draw(cls, features: Features, hidden: tuple[int, ...], *, silent: bool, key: PRNGKeyArray) -> Any:
        """Draws the layers, with values of 0 at first where they are to be silent."""
        build = build_silent_layers if silent else build_layers
        return cls(build((features.size, *hidden, 1), "tanh", key=key), features)

    def see(self, pairs: Pairs) -> Float[Array, "*rows size"]:
        """The vectors."""
        return self.features(pairs.obs, pairs.actions, pairs.next_obs)

    def see_absorbing(self) -> Float[Array, "1 size"] | None:
        """The vector of the absorbing state."""
        return self.features.absorbed[None] if self.features.absorbing else None

    def values(self, seen: Float[Array, "*rows size"]) -> Float[Array, "*rows"]:
        """What the layers put out."""
        return self.layers(seen)[..., 0]


class DiscriminatorReward(Reward):
    """The reward that a discriminator makes: a function of its value alone."""

    discriminator: PairDiscriminator

    @abstractmethod
    def of(self, values: Float[Array, "*rows"]) -> Float[Array, "*rows"]:
        """The rewards of values."""

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        """r(s, a, s'), of what the discriminator sees of it."""
        return self.of(self.discriminator.values(self.discriminator.see(Pairs(obs, action, next_obs, terminated))))

    @property
    def has_absorbing(self) -> bool:
        """Whether the discriminator knows of the absorbing state."""
        return self.discriminator.features.absorbing

    @property
    def absorbing(self) -> Float[Array, ""]:
        """The reward of each step in the absorbing state; 0 where the discriminator knows of none."""
        seen = self.discriminator.see_absorbing()
        return jnp.zeros(()) if seen is None else self.of(self.discriminator.values(seen))[0]
