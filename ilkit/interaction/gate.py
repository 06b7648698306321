"""Who acts, the policy or the expert: decided step by step by what both would do."""

from abc import abstractmethod
from typing import NamedTuple, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.aggregate import Aggregate
from ilkit.data.policy import Policy

G = TypeVar("G", bound="Gate")


class Seen(NamedTuple):
    """What a gate decides by, at one step."""

    obs: PyTree
    action: Array
    """What the policy would do."""
    deviation: Float[Array, ""]
    """How far that is from what the expert would do: ‖a - a*‖ in half ranges; of discrete actions, 1 if it differs."""
    doubt: Float[Array, ""]
    """The root of the trace of the covariance of an ensemble's actions, in half ranges; 0 of a single policy."""


class Gate(eqx.Module):
    """Whether the expert acts, with a state that lasts for an episode."""

    def initial_state(self) -> PyTree:
        """The state at the start of an episode; empty for a gate that remembers nothing."""
        return ()

    @abstractmethod
    def __call__(self, state: PyTree, seen: Seen) -> tuple[PyTree, Bool[Array, ""]]:
        """Decides one step."""

    def refitted(self: G, aggregate: Aggregate, policy: Policy, *, key: PRNGKeyArray) -> G:
        """The gate of the next round, with what it learns from all rounds so far; the same unless overridden."""
        del aggregate, policy, key
        return self


class Open(Gate):
    """The policy acts, wherever it isn't decided otherwise."""

    def __call__(self, state: PyTree, seen: Seen) -> tuple[PyTree, Bool[Array, ""]]:
        """Never."""
        del seen
        return state, jnp.zeros((), bool)


def where_it_acted(aggregate: Aggregate, drove: Bool[Array, "time envs"]) -> Bool[Array, "time envs"]:
    """The steps at which the expert's answer is kept where nobody asks for more: those that it drove."""
    del aggregate
    return drove


def never(number: Int[Array, ""]) -> Float[Array, ""]:
    """The share of the steps of a round at which the expert acts although the gate doesn't say so: none."""
    return jnp.zeros_like(number, jnp.float32)
