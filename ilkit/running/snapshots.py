"""Snapshots: what a training run would have made, had it ended earlier.

Training finishes at its start and between equal parts of its steps, on the side: nothing of it goes back into training,
so that it ends in the same bits.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PyTree

from ilkit.data.seeds import Snapshots
from ilkit.data.training import Training

T = TypeVar("T")


def snapshot_steps(training: Training[Any]) -> Int[np.ndarray, " snapshots"]:
    """The steps after which snapshots are kept, at most one after each."""
    parts = min(training.num_snapshots, training.num_steps)
    return np.arange(parts, dtype=np.int64) * training.num_steps // max(parts, 1)


def finished(training: Training[T], state: PyTree, num_seeds: int) -> T:
    """What the seeds have learnt by now, stacked."""
    return _finished(training.finish, num_seeds, state)


def no_snapshots(training: Training[Any], num_seeds: int) -> PyTree:
    """The arrays of all snapshots, before the first one is kept."""
    if not training.num_snapshots:
        return ()
    shapes = eqx.filter(eqx.filter_eval_shape(_stacked, training.finish, num_seeds, training.state), _is_shape)
    count = len(snapshot_steps(training))
    return jax.tree.map(lambda leaf: jnp.zeros((count, *leaf.shape), leaf.dtype), shapes)


def with_snapshot(training: Training[Any], num_seeds: int, kept: PyTree, state: PyTree, step: int) -> PyTree:
    """The arrays of all snapshots, with that of this step where there is to be one."""
    for index in np.flatnonzero(snapshot_steps(training) == step):
        return _with_snapshot((training.finish, num_seeds), kept, state, jnp.asarray(index, jnp.int32))
    return kept


def snapshots_of(training: Training[T], kept: PyTree, learnt: T) -> Snapshots[T] | None:
    """What was kept; `learnt` is what the run has made in the end."""
    if not training.num_snapshots:
        return None
    steps = snapshot_steps(training).astype(np.int32)
    stacked = eqx.combine(kept, eqx.filter(learnt, eqx.is_array, inverse=True))
    return Snapshots(stacked, steps, steps * training.env_steps_per_step)


def _stacked(finish: Callable[[PyTree], T], num_seeds: int, state: PyTree) -> T:
    if num_seeds > 1:
        stacked: T = eqx.filter_vmap(finish)(state)
        return stacked
    return jax.tree.map(lambda leaf: leaf[None] if eqx.is_array(leaf) else leaf, finish(state))


_finished = eqx.filter_jit(_stacked)


@eqx.filter_jit
def _with_snapshot(fixed: tuple[Any, ...], kept: PyTree, state: PyTree, index: Int[Array, ""]) -> PyTree:
    finish, num_seeds = fixed
    learnt = eqx.filter(_stacked(finish, num_seeds, state), eqx.is_array)
    return jax.tree.map(lambda rows, one: rows.at[index].set(one), kept, learnt)


def _is_shape(leaf: Any) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct)
