"""A stretch of a training run as one computation: of all seeds, of each on a thread, or with what leaves the device."""

import itertools
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, PyTree

Keys = Key[Array, "*seeds"]
"""The key of the steps: one where one seed trains, else one a seed."""


def run_together(fixed: tuple[Any, ...], state: PyTree, curve: Array) -> tuple[PyTree, Array]:
    """Runs all seeds as one computation; `fixed` is the step, its key, from and to which step, and more of the run."""
    step, key, *bounds, num_seeds = fixed
    first, last, window = (jnp.asarray(bound, jnp.int32) for bound in bounds)
    return _run_chunk((step, key, first, last, window, num_seeds), state, curve)


@eqx.filter_jit
def _run_chunk(fixed: tuple[Any, ...], state: PyTree, curve: Array) -> tuple[PyTree, Array]:
    step, key, first, last, window, num_seeds = fixed
    fold_in = jax.vmap(jax.random.fold_in, in_axes=(0, None)) if num_seeds > 1 else jax.random.fold_in

    def body(index: Array, carried: tuple[PyTree, Array]) -> tuple[PyTree, Array]:
        return _step_and_add((step, fold_in(key, index), index // window, num_seeds), *carried)

    return jax.lax.fori_loop(first, last, body, (state, curve))


def _step_and_add(fixed: tuple[Any, ...], state: PyTree, curve: Array) -> tuple[PyTree, Array]:
    step, key, point, num_seeds = fixed
    state, info = (jax.vmap(step) if num_seeds > 1 else step)(state, key)
    return state, curve.at[point].add(jnp.stack(jax.tree.leaves(info)))


def run_gathered(
    gather: Callable[[PyTree, Keys], PyTree], fixed: tuple[Any, ...], state: PyTree, curve: Array
) -> tuple[PyTree, Array]:
    """Steps one by one: each overwrites the state of the one before it, but not the one that it was given."""
    step, key, first, last, window, num_seeds = fixed
    state, curve = jax.tree.map(jnp.copy, (state, curve))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Some donated buffers were not usable")  # those of what was gathered
        for index in range(first, last):
            gather_key, step_key = _two_keys(key, np.int32(index))
            state = gather(state, gather_key)
            state, curve = _step_in_place((step, step_key, np.int32(index // window), num_seeds), state, curve)
    return state, curve


@jax.jit
def _two_keys(key: Keys, index: Array) -> tuple[Keys, Keys]:
    """The keys of gathering and of learning in a step."""
    pair = jnp.vectorize(lambda key: jax.random.split(jax.random.fold_in(key, index)), signature="()->(n)")(key)
    return pair[..., 0], pair[..., 1]


_step_in_place = eqx.filter_jit(_step_and_add, donate="all-except-first")


def run_each(num_threads: int, fixed: tuple[Any, ...], state: PyTree, curve: Array) -> tuple[PyTree, Array]:
    """Runs every seed in as many pieces as there are threads, so that these end together."""
    step, keys, first, last, window, num_seeds = fixed
    bounds = np.linspace(first, last, num_threads + 1).astype(int).tolist()

    def run(seed: int, start: int, stop: int, before: "Future[Any] | None") -> tuple[PyTree, Array]:
        carried = before.result() if before else _own((state, curve), jnp.asarray(seed))
        return jax.block_until_ready(run_together((step, keys[seed], start, stop, window, 1), *carried))

    with ThreadPoolExecutor(num_threads) as threads:
        pieces: list[Future[Any] | None] = [None] * num_seeds
        for start, stop in itertools.pairwise(bounds):
            pieces = [threads.submit(run, seed, start, stop, before) for seed, before in enumerate(pieces)]
        return _together([piece.result() for piece in pieces if piece])


@jax.jit
def _own(carried: tuple[PyTree, Array], seed: Array) -> tuple[PyTree, Array]:
    state, curve = carried
    return jax.tree.map(lambda leaf: leaf[seed], state), curve[..., seed]


@jax.jit
def _together(carried: list[tuple[PyTree, Array]]) -> tuple[PyTree, Array]:
    states, curves = zip(*carried, strict=True)
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states), jnp.stack(curves, axis=-1)
