"""What a network is: a function from an observation to a vector, which may remember."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree


class Network(eqx.Module):
    """A learnable function of the observation and of a carry, which holds what it remembers of an episode."""

    @property
    def past(self) -> int:
        """How many observations before the present one the outputs depend on."""
        return 0

    @property
    def fits_past(self) -> bool:
        """Whether the outputs at all steps of a window are fitted, as those of a recurrent network are, or at the
        present one alone."""
        return False

    def initial_carry(self) -> PyTree:
        """The carry at the start of an episode; empty for a network without memory."""
        return ()

    @abstractmethod
    def __call__(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " outputs"]]:
        """Applies the function to one standardized observation."""

    def unroll(self, carry: PyTree, obs: PyTree, mask: Bool[Array, " time"]) -> Float[Array, "time outputs"]:
        """The outputs at observations one after the other; those that aren't in the mask leave no trace."""

        def step(carry: PyTree, given: tuple[PyTree, Bool[Array, ""]]) -> tuple[PyTree, Float[Array, " outputs"]]:
            obs, inside = given
            after, outputs = self(carry, obs)
            return jax.tree.map(lambda new, old: jnp.where(inside, new, old), after, carry), outputs

        return jax.lax.scan(step, carry, (obs, mask))[1]

    def dropped(self, *, key: PRNGKeyArray) -> "Network":
        """The network as it is trained on one example: where it has dropout, with what is left out drawn."""
        del key
        return self
