"""What a network is: a function from an observation to a vector, which may remember."""

from abc import abstractmethod

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
