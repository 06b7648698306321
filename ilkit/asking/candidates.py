"""Pairs of clips that might be asked about, drawn by the number of the question."""

from abc import abstractmethod

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Int, PRNGKeyArray

from ilkit.asking.stretches import Stretches
from ilkit.data.demonstrations import Demonstrations
from ilkit.errors import DataError

Candidates = Int[np.ndarray, "questions candidates 2"]
"""Pairs of numbers of stretches, some for each question."""


class Source(eqx.Module):
    """Where pairs of numbers of stretches are drawn from."""

    key: PRNGKeyArray

    @property
    @abstractmethod
    def num_pairs(self) -> int:
        """How many there are, whichever clip comes first."""

    @abstractmethod
    def draw(self, random: np.random.Generator, count: int) -> Int[np.ndarray, "pairs 2"]:
        """So many of them."""

    def candidates(self, num_questions: int, num_candidates: int) -> Candidates:
        """Those of the first questions."""
        drawn = [self.draw(random, num_candidates) for random in generators(num_questions, key=self.key)]
        return np.stack(drawn)

    def further(self, question: int, count: int) -> Int[np.ndarray, "pairs 2"]:
        """Others for one question."""
        seed = np.random.SeedSequence(_entropy(self.key), spawn_key=(question, 1))
        return self.draw(np.random.default_rng(seed), count)


class AnyTwo(Source):
    """Any two stretches, and one with itself, which is no question."""

    num_stretches: int

    @property
    def num_pairs(self) -> int:
        """All pairs of two."""
        return self.num_stretches * (self.num_stretches - 1) // 2

    def draw(self, random: np.random.Generator, count: int) -> Int[np.ndarray, "pairs 2"]:
        """Both on their own."""
        return random.integers(self.num_stretches, size=(count, 2))


class TwoFromOneStart(Source):
    """Two stretches of different places whose first observations are the same."""

    groups: Int[np.ndarray, " clips"]
    """The start of each."""
    order: Int[np.ndarray, " clips"]
    """The stretches by their groups."""
    place: Int[np.ndarray, " clips"]
    """Where each stands in its group."""
    shared: Int[np.ndarray, " partnered"]
    """The stretches that have partners."""
    begins: Int[np.ndarray, " groups"]
    sizes: Int[np.ndarray, " groups"]

    @property
    def num_pairs(self) -> int:
        """All pairs of two within a group."""
        return int(np.sum(self.sizes * (self.sizes - 1) // 2))

    def draw(self, random: np.random.Generator, count: int) -> Int[np.ndarray, "pairs 2"]:
        """Any that has partners, and one of them."""
        first = self.shared[random.integers(len(self.shared), size=count)]
        group = self.groups[first]
        others = (self.place[first] + random.integers(1, self.sizes[group])) % self.sizes[group]
        return np.stack([first, self.order[self.begins[group] + others]], axis=1)


def any_two(stretches: Stretches, *, key: PRNGKeyArray) -> Source:
    """Any two stretches.

    **Raises:** `DataError` where there is only one.
    """
    count = len(stretches.rows)
    if count < 2:
        raise DataError(
            "A question needs two clips, and the demonstrations hold one. Record more, or shorten the clips."
        )
    return AnyTwo(key, count)


def two_from_one_start(demos: Demonstrations, stretches: Stretches, *, key: PRNGKeyArray) -> Source:
    """Two stretches of different places whose first observations are the same.

    **Raises:** `DataError` where no two are.
    """
    groups = _groups(demos, stretches)
    sizes = np.bincount(groups)
    if not (sizes > 1).any():
        raise DataError(
            "No two clips start in the same state, and same_start asks about such. Record several tries at each start: "
            "rollout.kind graded."
        )
    order, begins = np.argsort(groups, kind="stable"), np.cumsum(sizes) - sizes
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - begins[groups[order]]
    return TwoFromOneStart(key, groups, order, place, np.flatnonzero(sizes[groups] > 1), begins, sizes)


def generators(count: int, *, key: PRNGKeyArray) -> list[np.random.Generator]:
    """One for each question, which its number and the key decide."""
    entropy = _entropy(key)
    return [np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(number,))) for number in range(count)]


def _entropy(key: PRNGKeyArray) -> list[int]:
    found: list[int] = np.asarray(jax.random.key_data(key)).tolist()
    return found


def _groups(demos: Demonstrations, stretches: Stretches) -> Int[np.ndarray, " clips"]:
    """The number of the first observation of each stretch, equal where it is."""
    leaves = jax.tree.leaves(demos.before(stretches.rows))
    flat = [np.ascontiguousarray(leaf.reshape(len(leaf), -1)).view(np.uint8) for leaf in leaves]
    rows = np.ascontiguousarray(np.concatenate(flat, axis=1))
    whole = rows.view(np.dtype((np.void, rows.shape[1]))).ravel()
    return np.asarray(np.unique(whole, return_inverse=True)[1]).ravel()
