"""Comparing what components return: bit for bit, to a tolerance, with what was there before."""

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import keystr, tree_leaves_with_path

from ilkit.data.report import Report


def expect(condition: object, message: str) -> None:
    """Fails a check, with a message that gives the rule, what was found and the remedy."""
    if not condition:
        raise AssertionError(message)


def difference(first: Any, second: Any) -> str:
    """Where two things differ in a single bit; empty where they don't."""
    first, second = _tree(first), _tree(second)
    structures: list[Any] = [jax.tree.structure(first), jax.tree.structure(second)]
    if structures[0] != structures[1]:
        return "their structures"
    for (path, leaf), other in zip(tree_leaves_with_path(first), jax.tree.leaves(second), strict=True):
        if not _same_leaf(leaf, other):
            return keystr(path) or "their values"
    return ""


def distance(first: Any, second: Any, *, relative: float, absolute: float) -> str:
    """Where two things of the same structure differ by more than a tolerance; empty where they don't."""
    for (path, leaf), (_, other) in zip(_arrays(first), _arrays(second), strict=True):
        if not np.allclose(leaf, other, rtol=relative, atol=absolute, equal_nan=True):
            return f"{path} differs by {np.abs(leaf.astype(float) - other.astype(float)).max():.3g}"
    return ""


def not_finite(thing: Any) -> str:
    """The first array or number that isn't finite; empty where all are."""
    for path, leaf in _arrays(thing):
        if np.issubdtype(leaf.dtype, np.number) and not np.isfinite(leaf).all():
            return path
    return ""


def digests(thing: Any) -> dict[str, str]:
    """A digest of every array, number and string by its place, equal in two processes where all bits are."""
    return {keystr(path): _digest(leaf) for path, leaf in tree_leaves_with_path(_tree(thing)) if not callable(leaf)}


def snapshot(thing: Any) -> Any:
    """A copy of every array, which nothing can change any more."""
    return jax.tree.map(lambda leaf: np.array(_plain(leaf)) if eqx.is_array_like(leaf) else leaf, _tree(thing))


def _tree(thing: Any) -> Any:
    return jax.tree.map(lambda one: dataclasses.asdict(one) if isinstance(one, Report) else one, thing)


def _digest(leaf: Any) -> str:
    array = np.asarray(_plain(leaf)) if eqx.is_array_like(leaf) else np.frombuffer(str(leaf).encode(), np.uint8)
    return hashlib.sha256(f"{array.dtype} {array.shape} ".encode() + array.tobytes()).hexdigest()


def _arrays(thing: Any) -> Iterator[tuple[str, np.ndarray]]:
    for path, leaf in tree_leaves_with_path(_tree(thing)):
        if eqx.is_array_like(leaf):
            yield keystr(path) or "the value", np.asarray(_plain(leaf))


def _same_leaf(first: Any, second: Any) -> bool:
    if not (eqx.is_array_like(first) and eqx.is_array_like(second)):
        return bool(first == second)
    left, right = np.asarray(_plain(first)), np.asarray(_plain(second))
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()


def _plain(leaf: Any) -> Any:
    is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(leaf) if is_key else leaf
