"""What a network is: a function from a vector to a vector."""

from typing import Protocol, runtime_checkable

from jaxtyping import Array, Float


@runtime_checkable
class Network(Protocol):
    """A learnable function from a vector to a vector; an `equinox.Module`."""

    def __call__(self, inputs: Float[Array, " inputs"], /) -> Float[Array, " outputs"]:
        """Applies the function."""
        ...
