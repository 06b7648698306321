"""A tree of arrays as one vector for each type of number: fewer loops for XLA to compile, and one read for a row."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree, Shaped


def pack(example: PyTree, tree: PyTree) -> dict[str, Shaped[Array, "*batch _"]]:
    """The leaves of each type, one after the other along the last axis; what leads beside the example's axes stays."""
    columns: dict[str, list[Array]] = {}
    for shape, leaf in zip(jax.tree.leaves(example), jax.tree.leaves(tree), strict=True):
        leading = leaf.shape[: leaf.ndim - shape.ndim]
        columns.setdefault(str(shape.dtype), []).append(leaf.astype(shape.dtype).reshape(*leading, shape.size))
    return {dtype: jnp.concatenate(parts, axis=-1) for dtype, parts in columns.items()}


def unpack(example: PyTree, packed: Mapping[str, Shaped[Array | np.ndarray, "*batch _"]]) -> PyTree:
    """The tree that was packed, of the same kind of arrays as `packed`."""
    leaves, structure = jax.tree.flatten(example)
    starts, found = dict.fromkeys(packed, 0), []
    for leaf in leaves:
        dtype, start = str(leaf.dtype), starts[str(leaf.dtype)]
        columns, starts[dtype] = packed[dtype], start + leaf.size
        found.append(columns[..., start : start + leaf.size].reshape(*columns.shape[:-1], *leaf.shape))
    return jax.tree.unflatten(structure, found)
