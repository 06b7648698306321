"""Pairs of clips that might be asked about, drawn by the number of the question."""

import jax
import numpy as np
from jaxtyping import Int, PRNGKeyArray

from ilkit.asking.stretches import Stretches
from ilkit.data.demonstrations import Demonstrations
from ilkit.errors import DataError

Candidates = Int[np.ndarray, "questions candidates 2"]
"""Pairs of numbers of stretches, some for each question."""


def any_two(stretches: Stretches, num_questions: int, num_candidates: int, *, key: PRNGKeyArray) -> Candidates:
    """Any two stretches.

    **Raises:** `DataError` where there is only one.
    """
    count = len(stretches.rows)
    if count < 2:
        raise DataError(
            "A question needs two clips, and the demonstrations hold one. Record more, or shorten the clips."
        )
    shape = (num_candidates, 2)
    return np.stack([random.integers(count, size=shape) for random in generators(num_questions, key=key)])


def two_from_one_start(
    demos: Demonstrations, stretches: Stretches, num_questions: int, num_candidates: int, *, key: PRNGKeyArray
) -> Candidates:
    """Two stretches of different places whose first observations are the same.

    **Raises:** `DataError` where no two are.
    """
    groups = _groups(demos, stretches)
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    begins = np.cumsum(sizes) - sizes
    shared = np.flatnonzero(sizes[groups] > 1)
    if not len(shared):
        raise DataError(
            "No two clips start in the same state, and same_start asks about such. Record several tries at each start: "
            "rollout.kind graded."
        )
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - begins[groups[order]]  # within its group
    drawn = []
    for random in generators(num_questions, key=key):
        first = shared[random.integers(len(shared), size=num_candidates)]
        group = groups[first]
        others = (place[first] + random.integers(1, sizes[group])) % sizes[group]
        drawn.append(np.stack([first, order[begins[group] + others]], axis=1))
    return np.stack(drawn)


def generators(count: int, *, key: PRNGKeyArray) -> list[np.random.Generator]:
    """One for each question, which its number and the key decide."""
    entropy = np.asarray(jax.random.key_data(key)).tolist()
    return [np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(number,))) for number in range(count)]


def _groups(demos: Demonstrations, stretches: Stretches) -> Int[np.ndarray, " clips"]:
    """The number of the first observation of each stretch, equal where it is."""
    leaves = jax.tree.leaves(demos.before(stretches.rows))
    flat = [np.ascontiguousarray(leaf.reshape(len(leaf), -1)).view(np.uint8) for leaf in leaves]
    rows = np.ascontiguousarray(np.concatenate(flat, axis=1))
    whole = rows.view(np.dtype((np.void, rows.shape[1]))).ravel()
    return np.asarray(np.unique(whole, return_inverse=True)[1]).ravel()
