"""The loop that drives a training run, in chunks that change no bit of its result."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.seeds import Seeds
from ilkit.data.training import Training, names_of
from ilkit.errors import DataError, NonFiniteError
from ilkit.running.chunks import Keys, run_each, run_gathered, run_together
from ilkit.running.snapshots import finished, no_snapshots, snapshot_steps, snapshots_of, with_snapshot

T = TypeVar("T")

_CURVE_CAPACITY = 256


class Progress(NamedTuple):
    """All that changes during a training run, and so all that a checkpoint holds."""

    state: PyTree
    curve: Float[Array, "capacity infos *seeds"]
    """The sum of each info over each window of steps."""
    step: int
    kept: PyTree = ()
    """The snapshots so far, where there are to be any."""


def prepare(
    make: Callable[..., Training[T]],
    per_seed: tuple[PyTree, ...],
    *,
    key: PRNGKeyArray,
    num_seeds: int,
    num_snapshots: int = 0,
) -> tuple[Training[T], Keys]:
    """Makes the training run of all seeds, and the key of each seed's steps.

    `make(*per_seed, key=key)` makes the run of one seed from its own slice of `per_seed`, whose arrays have a
    leading seed axis. With several seeds the state gets a leading axis.

    **Raises:** `DataError` where `step` or `finish` differ between the seeds.
    """
    seed_keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, jnp.arange(num_seeds))
    pairs = jax.vmap(jax.random.split)(seed_keys)
    init_keys, step_keys = pairs[:, 0], pairs[:, 1]
    first = jax.tree.map(lambda leaf: leaf[0] if eqx.is_array(leaf) else leaf, per_seed)
    if num_seeds == 1:
        training = _with_array_leaves(make(*first, key=init_keys[0]))
        training = dataclasses.replace(training, num_snapshots=num_snapshots)
        return _with_info_names(training, training.state), step_keys[0]

    def parts(per_seed: tuple[PyTree, ...], key: PRNGKeyArray) -> tuple[PyTree, Training[T]]:
        training = _with_array_leaves(make(*per_seed, key=key))
        return training.state, dataclasses.replace(training, state=None)

    try:
        state, shared = eqx.filter_vmap(parts, out_axes=(eqx.if_array(0), None))(per_seed, init_keys)
    except ValueError as error:
        raise DataError(
            "Training.step and Training.finish must not differ between seeds: what the key or a learnt input "
            f"determines belongs into Training.state. ({error})"
        ) from error
    training = dataclasses.replace(shared, state=state, num_snapshots=num_snapshots)
    return _with_info_names(training, jax.tree.map(lambda leaf: leaf[0], state)), step_keys


def start(training: Training[T], num_seeds: int) -> Progress:
    """The progress before the first step."""
    seeds = () if num_seeds == 1 else (num_seeds,)
    curve = jnp.zeros((_CURVE_CAPACITY, len(training.info_names), *seeds))
    return Progress(training.state, curve, 0, no_snapshots(training, num_seeds))


def advance(
    training: Training[T],
    progress: Progress,
    *,
    key: Keys,
    num_seeds: int,
    num_threads: int = 1,
    chunk_size: int | None = None,
    chunk_seconds: float = 0.4,
) -> Iterator[Progress]:
    """Steps to the end, yielding after every chunk.

    A chunk has `chunk_size` steps or, by default, as many as take about `chunk_seconds`, and ends where a snapshot is
    to be kept; none of it changes a bit. On one thread all seeds are one computation, on several every seed is one of
    its own, and they run side by side.

    **Raises:** `NonFiniteError` where an info isn't finite, `DataError` where a callback raises.
    """
    window = _window(training.num_steps)
    run = run_together if num_threads == 1 or num_seeds == 1 else partial(run_each, num_threads)
    run = partial(run_gathered, training.gather) if training.gather else run
    ends = [*snapshot_steps(training).tolist(), training.num_steps]
    size, (state, curve, step, kept) = chunk_size or 1, progress
    while step < training.num_steps:
        kept = with_snapshot(training, num_seeds, kept, state, step)
        stop = min(step + size, next(end for end in ends if end > step))
        began = time.perf_counter()
        with _telling_callbacks(step, stop):
            state, curve = run((training.step, key, step, stop, window, num_seeds), state, curve)
        _check_finite(np.asarray(curve), training, step, stop)
        elapsed = time.perf_counter() - began
        if chunk_size is None:
            size = max(1, min(int((stop - step) * min(chunk_seconds / max(elapsed, 1e-9), 16)), 2**30))
        step = stop
        yield Progress(state, curve, step, kept)


@contextmanager
def _telling_callbacks(first: int, last: int) -> Iterator[None]:
    """Says between which steps what runs on the host raised, where something did."""
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        if "CpuCallback" not in str(error):
            raise
        raise DataError(
            f"Between steps {first} and {last}, what runs on the host (an expert, a callback) raised: "
            f"{str(error).strip().splitlines()[-1]}. Mend it; what was complete before is kept."
        ) from error


def finish(training: Training[T], progress: Progress, num_seeds: int) -> Seeds[T]:
    """What the seeds have learnt, with their learning curves."""
    names = training.info_names
    window = _window(training.num_steps)
    num_points = math.ceil(training.num_steps / window)
    stops = np.minimum(np.arange(1, num_points + 1) * window, training.num_steps)
    counts = np.diff(stops, prepend=0)
    curve = np.asarray(progress.curve)[:num_points]
    curve = curve[..., None] if num_seeds == 1 else curve
    means = (curve / counts[:, None, None]).astype(np.float32)
    curves = {"step": stops.astype(np.int32)}
    if training.env_steps_per_step:
        curves["env_steps"] = (stops * training.env_steps_per_step).astype(np.int32)
    curves |= {name: np.ascontiguousarray(means[:, index].T) for index, name in enumerate(names)}
    learnt = finished(training, progress.state, num_seeds)
    return Seeds(learnt, curves, num_seeds, snapshots_of(training, progress.kept, learnt))


def drive(
    training: Training[T],
    key: Keys,
    num_seeds: int,
    *,
    num_threads: int = 1,
    chunk_size: int | None = None,
    progress: Progress | None = None,
    watch: Callable[[Progress], None] = lambda _: None,
) -> Seeds[T]:
    """Takes a training run from a progress, by default its start, to its end; `watch` sees it after every chunk."""
    first = last = progress or start(training, num_seeds)
    for last in advance(training, first, key=key, num_seeds=num_seeds, num_threads=num_threads, chunk_size=chunk_size):
        watch(last)
    return finish(training, last, num_seeds)


def train(
    make: Callable[..., Training[T]],
    *per_seed: PyTree,
    key: PRNGKeyArray,
    num_seeds: int = 1,
    num_snapshots: int = 0,
    num_threads: int = 1,
    chunk_size: int | None = None,
) -> Seeds[T]:
    """Makes a training run and drives it to its end: what the runner does, without files or progress bars."""
    training, step_key = prepare(make, per_seed, key=key, num_seeds=num_seeds, num_snapshots=num_snapshots)
    return drive(training, step_key, num_seeds, num_threads=num_threads, chunk_size=chunk_size)


def _with_array_leaves(training: Training[T]) -> Training[T]:
    state = jax.tree.map(jnp.asarray, training.state)
    step, end = jax.tree.map(
        lambda leaf: jnp.asarray(leaf, jnp.float32) if isinstance(leaf, float) else leaf,
        (training.step, training.finish),
    )
    return dataclasses.replace(training, state=state, step=step, finish=end)


def _with_info_names(training: Training[T], state: PyTree) -> Training[T]:
    if training.info_names:
        return training
    info = eqx.filter_eval_shape(training.step, state, jax.random.key(0))[1]
    return dataclasses.replace(training, info_names=names_of(info))


def _window(num_steps: int) -> int:
    return max(1, math.ceil(num_steps / _CURVE_CAPACITY))


def _check_finite(curve: np.ndarray, training: Training[Any], first: int, last: int) -> None:
    names = training.info_names
    bad = ~np.isfinite(curve).reshape(len(curve), len(names), -1).all(axis=(0, 2))
    if bad.any():
        raise NonFiniteError(
            f"{names[int(bad.argmax())]} must stay finite, got nan or inf between steps {first} and {last}. "
            + (
                "Are the rewards and observations of the environment finite? "
                if training.env_steps_per_step
                else "Are the data finite? `ilkit data check` says where they aren't. "
            )
            + "If they are, try a smaller learning_rate."
        )
