"""How many inputs each array of a network adds up."""

from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
from jaxtyping import PyTree

from ilkit.errors import DataError


@runtime_checkable
class Layered(Protocol):
    """Layers that say how many inputs each of their arrays adds up: the order of a matrix's axes doesn't tell it."""

    def fan_in(self) -> PyTree[int]:
        """A tree of the same structure, with the fan-in of each array in its place."""
        ...


def fan_in(tree: Any) -> PyTree[int]:
    """The fan-in of each array in a tree, as `Layered` parts and equinox's linear layers say; 1 of other vectors.

    **Raises:** `DataError` where an array of more axes is in none of these.
    """

    def of(part: Any) -> PyTree[int]:
        if isinstance(part, eqx.nn.Linear):
            return jax.tree.map(lambda array: array.shape[-1] if array.ndim > 1 else 1, part)
        if isinstance(part, Layered):
            return part.fan_in()
        if eqx.is_array(part) and part.ndim > 1:
            raise DataError(
                f"How many inputs an array adds up can't be told from its shape, {part.shape}. Give the module that it "
                "is in a method fan_in, as ilkit.nn.fan_in.Layered says."
            )
        return 1

    return jax.tree.map(of, tree, is_leaf=lambda part: isinstance(part, Layered | eqx.nn.Linear))
