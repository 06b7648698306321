"""Checkpoints of training runs, outside of every output, so that a killed run goes on to the same bytes."""

import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ilkit.errors import ArtifactError
from ilkit.running.loop import Progress


def save_checkpoint(progress: Progress, folder: Path) -> None:
    """Writes a checkpoint, replacing the former one only once it is whole.

    **Raises:** `ArtifactError` where it can't be written (a full disk); the former one stays.
    """
    arrays = {str(index): _to_host(leaf) for index, leaf in enumerate(jax.tree.leaves(progress))}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(arrays, folder / "new.safetensors")
        (folder / "new.safetensors").replace(folder / "last.safetensors")
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"The checkpoint {folder} can't be written: {error}. The former one is kept.") from error


def load_checkpoint(initial: Progress, folder: Path) -> Progress:
    """Reads the last checkpoint, or returns the initial progress where there is none that can be read."""
    leaves, structure = jax.tree.flatten(initial)
    try:
        arrays = load_file(folder / "last.safetensors")
        read = [_from_host(arrays[str(index)], leaf) for index, leaf in enumerate(leaves)]
    except (OSError, SafetensorError, KeyError):
        return initial
    progress: Progress = jax.tree.unflatten(structure, read)
    return progress._replace(step=int(progress.step))


def remove_checkpoint(folder: Path) -> None:
    """Removes the checkpoint of a run that has ended."""
    shutil.rmtree(folder, ignore_errors=True)


def _to_host(leaf: Array | int) -> np.ndarray:
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return np.asarray(leaf, order="C")


def _from_host(array: np.ndarray, like: Array | int) -> PyTree:
    if isinstance(like, jax.Array) and jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(like))
    return jnp.asarray(array)
