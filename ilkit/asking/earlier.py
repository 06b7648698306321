"""Pairs of clips that somebody was asked about before."""

import numpy as np
from jaxtyping import Bool, Int

from ilkit.asking.stretches import Stretches
from ilkit.data.clip_digests import clip_digests, pair_digests
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.preferences import Preferences


class Earlier:
    """Says which pairs of stretches are about the same clips as earlier ones, whichever comes first."""

    def __init__(self, demos: Demonstrations, stretches: Stretches, earlier: Preferences | None) -> None:
        self._demos, self._stretches = demos, stretches
        self._pairs = set() if earlier is None else set(pair_digests(earlier))
        self._digests: dict[int, bytes] = {}

    def holds(self, pairs: Int[np.ndarray, "pairs 2"]) -> Bool[np.ndarray, " pairs"]:
        """Whether each pair of numbers of stretches was asked about."""
        if not self._pairs:
            return np.zeros(len(pairs), bool)
        new = np.asarray([number for number in np.unique(pairs).tolist() if number not in self._digests], np.int64)
        rows, lengths = self._stretches.take(new)
        self._digests.update(zip(new.tolist(), clip_digests(self._demos, rows, lengths), strict=True))
        sides = [sorted((self._digests[one], self._digests[other])) for one, other in pairs.tolist()]
        return np.asarray([(smaller, larger) in self._pairs for smaller, larger in sides], bool)
