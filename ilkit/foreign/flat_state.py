"""A foreign state, any pytree of arrays, as one float32 vector and back without losing a bit.

Floats of at most 32 bits, integers of at most 16 bits and truth values are exact as float32. A 32-bit integer, and so
each word of a random key, becomes two entries, its lower and its upper 16 bits: finite and exact whatever they are,
which a float32 of the same bits isn't (it may be NaN, or so small that a processor takes it for zero).
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ilkit.errors import DataError

_EXACT = ("float32", "float16", "bfloat16", "bool", "int8", "uint8", "int16", "uint16")
_WORDS = ("int32", "uint32")


class _Leaf(NamedTuple):
    name: str
    shape: tuple[int, ...]
    dtype: str
    key: str | None
    """The implementation of the random keys that the leaf holds as words."""

    @property
    def size(self) -> int:
        return math.prod(self.shape) * (2 if self.dtype in _WORDS else 1)


@dataclass(frozen=True)
class FlatState:
    """Where each leaf of a pytree lies in a vector; equal and hashable by value."""

    structure: Any
    leaves: tuple[_Leaf, ...]

    @classmethod
    def of(cls, example: PyTree) -> "FlatState":
        """The layout of a pytree of arrays, or of what `jax.eval_shape` gives of them.

        **Raises:** `DataError` where a leaf is of a type that float32 can't hold.
        """
        leaves, structure = jax.tree_util.tree_flatten_with_path(example)
        return cls(structure, tuple(_describe(path, leaf) for path, leaf in leaves))

    @property
    def size(self) -> int:
        """The number of entries of the vector."""
        return sum(leaf.size for leaf in self.leaves)

    @property
    def names(self) -> tuple[str, ...]:
        """What each entry of the vector is."""
        return tuple(name for leaf in self.leaves for name in _entry_names(leaf))

    def flatten(self, tree: PyTree) -> Float[Array, " state"]:
        """The vector of a pytree.

        **Raises:** `DataError` where it isn't laid out as the example was.
        """
        found = FlatState.of(tree)
        if found != self:
            raise DataError(f"A state must stay {self.leaves}, got {found.leaves}. Mend the environment that makes it.")
        parts = [_to_numbers(value, leaf) for value, leaf in zip(jax.tree.leaves(tree), self.leaves, strict=True)]
        return jnp.concatenate([jnp.zeros(0), *parts])

    def unflatten(self, vector: Float[Array, " state"]) -> PyTree:
        """The pytree of a vector; what has to be an integer is rounded to the nearest one."""
        parts = jnp.split(vector, np.cumsum([leaf.size for leaf in self.leaves])[:-1])
        values = [_from_numbers(part, leaf) for part, leaf in zip(parts, self.leaves, strict=False)]
        return jax.tree.unflatten(self.structure, values)


def _describe(path: Any, leaf: Any) -> _Leaf:
    name = jax.tree_util.keystr(path, simple=True, separator=".") or "state"
    leaf = leaf if hasattr(leaf, "dtype") else jnp.asarray(leaf)
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        words = jax.eval_shape(jax.random.key_data, leaf)
        return _Leaf(name, words.shape, "uint32", leaf.dtype._impl.name)
    dtype = str(leaf.dtype)
    if dtype not in (*_EXACT, *_WORDS):
        raise DataError(
            f"A state must hold floats and integers of at most 32 bits, got {dtype} in {name}. "
            "Switch jax_enable_x64 off, or leave that entry out of the state."
        )
    return _Leaf(name, tuple(leaf.shape), dtype, None)


def _entry_names(leaf: _Leaf) -> list[str]:
    indices = [f"[{', '.join(map(str, index))}]" if index else "" for index in np.ndindex(leaf.shape)]
    halves = (" (lower 16 bits)", " (upper 16 bits)") if leaf.dtype in _WORDS else ("",)
    return [f"{leaf.name}{index}{half}" for index in indices for half in halves]


def _to_numbers(value: Any, leaf: _Leaf) -> Float[Array, " entries"]:
    value = jax.random.key_data(value) if leaf.key else jnp.asarray(value)
    if leaf.dtype not in _WORDS:
        return value.astype(jnp.float32).ravel()
    words = jax.lax.bitcast_convert_type(value, jnp.uint32)
    return jnp.stack([words & 0xFFFF, words >> 16], axis=-1).astype(jnp.float32).ravel()


def _from_numbers(part: Float[Array, " entries"], leaf: _Leaf) -> Array:
    if leaf.dtype in _WORDS:
        halves = jnp.clip(jnp.round(part), 0, 0xFFFF).astype(jnp.uint32).reshape(*leaf.shape, 2)
        words = halves[..., 0] | (halves[..., 1] << 16)
        value = jax.lax.bitcast_convert_type(words, jnp.dtype(leaf.dtype))
        return jax.random.wrap_key_data(value, impl=leaf.key) if leaf.key else value
    part = part.reshape(leaf.shape)
    if leaf.dtype == "bool":
        return part >= 0.5
    if "int" in leaf.dtype:
        limits = jnp.iinfo(leaf.dtype)
        part = jnp.clip(jnp.round(part), limits.min, limits.max)
    return part.astype(leaf.dtype)
