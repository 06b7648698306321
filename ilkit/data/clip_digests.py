"""Which clips are equal, whatever they were cut out of: by digests of what was observed and done in them."""

from hashlib import blake2b

import jax
import numpy as np
from jaxtyping import Int

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.preferences import Preferences

Pair = tuple[bytes, bytes]
"""The digests of both clips, the smaller one first."""


def clip_digests(
    demos: Demonstrations, rows: Int[np.ndarray, " clips"], lengths: Int[np.ndarray, " clips"]
) -> list[bytes]:
    """A digest of each stretch of so many steps from each of these rows on: equal where all that was observed and done
    is, whatever was rewarded."""
    observed = [np.ascontiguousarray(leaf) for leaf in jax.tree.leaves(demos.obs)]
    done = np.ascontiguousarray(demos.taken)
    found = []
    for row, length, episode in zip(rows.tolist(), lengths.tolist(), demos.episode_of(rows).tolist(), strict=True):
        digest = blake2b(digest_size=16)
        for leaf in observed:
            digest.update(leaf[row + episode : row + episode + length + 1].data)
        digest.update(done[row : row + length].data)
        found.append(digest.digest())
    return found


def pair_digests(preferences: Preferences) -> list[Pair]:
    """The digests of the clips of each pair, whichever comes first."""
    sides = (clip_digests(one, one.starts, one.lengths) for one in (preferences.first, preferences.second))
    return [(min(pair), max(pair)) for pair in zip(*sides, strict=True)]


def equal_pairs(preferences: Preferences) -> Int[np.ndarray, " num_pairs"]:
    """For each pair the number of the first one about the same clips."""
    first: dict[Pair, int] = {}
    return np.asarray([first.setdefault(pair, number) for number, pair in enumerate(pair_digests(preferences))])
