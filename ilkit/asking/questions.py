"""Asking a labeler about pairs of clips, and keeping what it answers."""

import numpy as np
from jaxtyping import Int, PRNGKeyArray

from ilkit.asking.stretches import Stretches
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.labeler import Labeler
from ilkit.data.padding import capacity_of
from ilkit.data.preferences import Preferences, clips_of, join_pairs
from ilkit.errors import DataError

_MOST_SEEN = 4096
"""How many clips a labeler sees before it is asked, spread evenly over all that may be shown."""


def ask(
    labeler: Labeler,
    demos: Demonstrations,
    stretches: Stretches,
    pairs: Int[np.ndarray, "pairs 2"],
    earlier: Preferences | None,
    *,
    key: PRNGKeyArray,
) -> Preferences:
    """The pairs of these stretches that the labeler has answered, after the earlier ones.

    **Raises:** `DataError` where the labeler needs rewards and they aren't known, or answers nothing.
    """
    if labeler.needs_rewards and not np.isfinite(demos.rewards).all():
        raise DataError(
            "This labeler compares rewards, and the demonstrations have none. Record them in an environment, or choose "
            "a labeler that needs none, such as queue."
        )
    numbers = np.arange(len(pairs)) + (0 if earlier is None else earlier.num_pairs)
    first, second = (_clips(demos, stretches.take(side)) for side in pairs.T)
    answers = _introduced(labeler, demos, stretches).asked(first, second, numbers, key=key)
    there = np.flatnonzero(answers.answered)
    if not len(there):
        raise DataError(
            f"None of the {len(pairs)} questions was answered. Lower the labeler's skip_margin, or ask about others."
        )
    asked = Preferences(first.take(there), second.take(there), np.asarray(answers.probability[there], np.float32))
    return asked if earlier is None else join_pairs([earlier, asked])


def _clips(demos: Demonstrations, stretches: Stretches) -> Demonstrations:
    return demos.stretches(stretches.rows, stretches.lengths.astype(demos.lengths.dtype))


def _introduced(labeler: Labeler, demos: Demonstrations, stretches: Stretches) -> Labeler:
    """The labeler once it has seen what clips are like, and the episodes that they are of."""
    count = len(stretches.rows)
    seen = stretches.take(np.unique(np.linspace(0, count - 1, min(count, _MOST_SEEN)).round().astype(np.int64)))
    rows = capacity_of(len(seen.rows)), capacity_of(int(seen.lengths.max()))
    episodes = capacity_of(demos.num_episodes), capacity_of(int(demos.lengths.max()))
    return labeler.fitted(clips_of(_clips(demos, seen), *rows), clips_of(demos, *episodes))
