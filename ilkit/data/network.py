"""What a network is: a function from an observation to a vector, which may remember."""

from abc import abstractmethod
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
from jaxtyping import Array, Float, PyTree


class Network(eqx.Module):
    """A learnable function of the observation and of a carry, which holds what it remembers of an episode."""

    @property
    def past(self) -> int:
        """How many observations before the present one the outputs depend on."""
        return 0

    def initial_carry(self) -> PyTree:
        """The carry at the start of an episode; empty for a network without memory."""
        return ()

    @abstractmethod
    def __call__(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " outputs"]]:
        """Applies the function to one standardized observation."""

    def unroll(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, "time outputs"]]:
        """Applies the function to observations one after the other; time leads."""
        return jax.lax.scan(lambda carry, one: self(carry, one), carry, obs)  # a module of arrays has no hash


@runtime_checkable
class Layered(Protocol):
    """Layers that say how many inputs each of their arrays adds up: the order of a matrix's axes doesn't tell it."""

    def fan_in(self) -> PyTree[int]:
        """A tree of the same structure, with the fan-in of each array in its place."""
        ...


def fan_in(tree: Any) -> PyTree[int]:
    """The fan-in of each array in a tree, as `Layered` parts and equinox's linear layers say; 1 of all others."""

    def of(part: Any) -> PyTree[int]:
        if isinstance(part, eqx.nn.Linear):
            return jax.tree.map(lambda array: array.shape[-1] if array.ndim > 1 else 1, part)
        return part.fan_in() if isinstance(part, Layered) else 1

    return jax.tree.map(of, tree, is_leaf=lambda part: isinstance(part, Layered | eqx.nn.Linear))
