"""Asking a labeler about pairs of clips, and keeping what it answers."""

import logging

import numpy as np
from jaxtyping import Int, PRNGKeyArray

from ilkit.asking.stretches import Stretches
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.labeler import Labeler
from ilkit.data.padding import capacity_of
from ilkit.data.preferences import Preferences, clips_of, join_pairs
from ilkit.errors import DataError

_LOG = logging.getLogger("ilkit.prefer")
_LEAST_SEEN, _MOST_SEEN, _MOST_NUMBERS = 64, 4096, 1 << 26
"""How many clips a labeler sees before it is asked, spread evenly over all that may be shown, and how many numbers."""


def ask(
    labeler: Labeler,
    demos: Demonstrations,
    stretches: Stretches,
    pairs: Int[np.ndarray, "pairs 2"],
    earlier: Preferences | None,
    *,
    key: PRNGKeyArray,
) -> Preferences:
    """The pairs of these stretches that the labeler has answered, after the earlier ones; -1 stands for no question.

    **Raises:** `DataError` where the labeler needs rewards and they aren't known, it answers nothing, or all answers
    are the same.
    """
    if labeler.needs_rewards and not np.isfinite(demos.rewards).all():
        raise DataError(
            "This labeler compares rewards, and the demonstrations have none. Record them in an environment, or choose "
            "a labeler that needs none, such as queue."
        )
    asked_before = 0 if earlier is None else earlier.num_pairs
    there = np.flatnonzero((pairs >= 0).all(axis=1))
    if earlier is not None and not len(there):
        _warn(len(pairs), 0, 0)
        return earlier
    first, second = (_clips(demos, stretches.take(side)) for side in pairs[there].T)
    answers = _introduced(labeler, demos, stretches).asked(first, second, asked_before + there, key=key)
    answered = np.flatnonzero(answers.answered)
    if not len(answered):
        raise DataError(
            f"None of the {len(there)} questions was answered. Answer some with something else than skip, lower the "
            "skip_margin of a labeler that has one (simulated, panel), or ask about others."
        )
    probability = np.asarray(answers.probability[answered], np.float32)
    asked = Preferences(first.take(answered), second.take(answered), probability)
    made = asked if earlier is None else join_pairs([earlier, asked])
    made.check_telling()
    _warn(len(pairs), len(there), len(answered))
    return made


def _warn(num_wanted: int, num_asked: int, num_answered: int) -> None:
    if num_asked < num_wanted:
        _LOG.warning(
            f"{num_wanted - num_asked} of {num_wanted} questions weren't asked: no clips that were drawn for them "
            "differ by more than min_distance and weren't asked about. Raise num_candidates, lower min_distance, or "
            "record more."
        )
    if num_answered < num_asked:
        _LOG.warning(f"{num_asked - num_answered} of {num_asked} questions got no answer and are left out.")


def _clips(demos: Demonstrations, stretches: Stretches) -> Demonstrations:
    return demos.stretches(stretches.rows, stretches.lengths.astype(demos.lengths.dtype))


def _introduced(labeler: Labeler, demos: Demonstrations, stretches: Stretches) -> Labeler:
    """The labeler once it has seen what clips are like, and the episodes that they are of."""
    count, longest = len(stretches.rows), int(stretches.lengths.max())
    most = min(count, _MOST_SEEN, max(_LEAST_SEEN, _MOST_NUMBERS // (longest * demos.spaces.observation.size)))
    seen = stretches.take(np.unique(np.linspace(0, count - 1, most).round().astype(np.int64)))
    shown = clips_of(_clips(demos, seen), capacity_of(len(seen.rows)), capacity_of(longest))
    if not labeler.needs_episodes:
        return labeler.fitted(shown)
    return labeler.fitted(
        shown, clips_of(demos, capacity_of(demos.num_episodes), capacity_of(int(demos.lengths.max())))
    )
