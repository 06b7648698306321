"""Questions of which no two are about the same two clips, and none about those of an earlier one."""

import logging

import numpy as np
from jaxtyping import Float, Int

from ilkit.asking.candidates import Candidates, Source
from ilkit.asking.distance import Distance
from ilkit.asking.earlier import Earlier
from ilkit.errors import counted

_LOG = logging.getLogger("ilkit.prefer")
_FURTHER = 4096
"""How many pairs are drawn for a question whose candidates were all asked about."""

Pair = tuple[int, int]
"""The smaller number first."""


class Questions:
    """What was asked about so far, whichever clip came first. A question depends on those before it alone."""

    def __init__(self, source: Source, distance: Distance, min_distance: float, earlier: Earlier) -> None:
        self._source, self._distance, self._min_distance, self._earlier = source, distance, min_distance, earlier
        self._asked: set[Pair] = set()
        self._near: set[Pair] = set()

    def chosen(
        self, candidates: Candidates, scores: Float[np.ndarray, "questions candidates"]
    ) -> Int[np.ndarray, "questions 2"]:
        """The new candidate of the largest score, or where all were asked about, a further pair; -1 twice for none.

        A score of -inf is that of clips that differ too little; who has only such isn't asked.
        """
        chosen = np.full((len(candidates), 2), -1)
        self._note_earlier(candidates.reshape(-1, 2))
        for question, (drawn, score) in enumerate(zip(candidates, scores, strict=True)):
            order = np.argsort(-score, kind="stable")[: np.isfinite(score).sum()]
            found = self._new(drawn[order])
            if found is None and len(order):
                found = self._further(question)
            if found is not None:
                self._asked.add(_sorted(found))
                chosen[question] = found
        if self._is_exhausted and (chosen < 0).any():
            _LOG.warning(
                f"There are {counted(len(self._asked), 'pair')} of clips that differ, and all of them are asked about: "
                "none is asked about twice. Record more, or shorten the clips."
            )
        return chosen

    @property
    def _is_exhausted(self) -> bool:
        return len(self._asked) + len(self._near) >= self._source.num_pairs

    def _new(self, pairs: Int[np.ndarray, "pairs 2"]) -> list[int] | None:
        return next((pair for pair in pairs.tolist() if _sorted(pair) not in self._asked), None)

    def _further(self, question: int) -> list[int] | None:
        """The first that is drawn beyond the candidates and has clips that differ enough."""
        if self._is_exhausted:
            return None
        drawn = self._source.further(question, _FURTHER)
        smaller, larger = np.sort(drawn, axis=1).T
        firsts = np.unique(np.stack([smaller, larger]), axis=1, return_index=True)[1]
        known = self._asked | self._near
        left = [pair for pair in drawn[np.sort(firsts)].tolist() if pair[0] != pair[1] and _sorted(pair) not in known]
        self._note_earlier(np.asarray(left, np.int64).reshape(-1, 2))
        left = [pair for pair in left if _sorted(pair) not in self._asked]
        if not left:
            return None
        far = self._distance(np.asarray(left)) > self._min_distance
        self._near.update(_sorted(pair) for pair, differ in zip(left, far, strict=True) if not differ)
        return left[int(far.argmax())] if far.any() else None

    def _note_earlier(self, pairs: Int[np.ndarray, "pairs 2"]) -> None:
        """Takes those of these pairs for asked about that were before."""
        self._asked.update(_sorted(pair) for pair in pairs[self._earlier.holds(pairs)].tolist())


def _sorted(pair: list[int]) -> Pair:
    return min(pair), max(pair)
