"""What answers must be to be learnt from, and what is said of those that a loss would misread."""

import warnings

import jax
import numpy as np
from jaxtyping import Bool

from ilkit.data.preferences import Preferences
from ilkit.errors import DataError

MOST_NATS = 20.0
"""A margin of so many nats is never reached: probabilities would go to 0, and with them what wasn't asked about."""


def check_answers(preferences: Preferences) -> None:
    """Checks that the answers say something.

    **Raises:** `DataError` where all of several are equal.
    """
    values = np.unique(preferences.probability)
    if preferences.num_pairs > 1 and len(values) == 1:
        raise DataError(
            f"Answers must differ between pairs, got a probability of {values[0]:g} for all {preferences.num_pairs}: "
            "the order of a pair must say nothing about its answer, and clips that are all liked alike teach nothing. "
            "Shuffle which clip comes first, or ask about clips that differ more."
        )


def different_starts(preferences: Preferences) -> Bool[np.ndarray, " num_pairs"]:
    """Which pairs are of clips that start in different states."""
    sides = [clips.before(clips.starts) for clips in (preferences.first, preferences.second)]
    found = np.zeros(preferences.num_pairs, bool)
    for first, second in zip(*(jax.tree.leaves(side) for side in sides), strict=True):
        found |= (first != second).reshape(len(first), -1).any(axis=1)
    return found


def see_alike(preferences: Preferences) -> bool:
    """Whether both clips of every pair saw the same all along: single steps from one start each."""
    longest = max(preferences.first.lengths.max(), preferences.second.lengths.max())
    return bool(longest == 1) and not different_starts(preferences).any()


def check_starts(preferences: Preferences, kind: str, *, allow_different_starts: bool) -> None:
    """Warns where clips of a pair start in different states: a loss of log ratios then compares states, not actions.

    **Raises:** `DataError` where more than half of them do, unless that is allowed.
    """
    share = float(np.mean(different_starts(preferences)))
    if not share:
        return
    told = (
        f"{share:.0%} of the pairs are of clips from different starts, and align.{kind} compares what was done from "
        "the same one: it would learn about states, which no action chooses."
    )
    if share > 0.5 and not allow_different_starts:
        raise DataError(
            f"{told} Ask with prefer.clips.same_start, learn a reward instead (stages.reward), or set "
            f"align.{kind}.allow_different_starts."
        )
    warnings.warn(f"{told} Ask with prefer.clips.same_start.", stacklevel=4)


def warn_of_margins(preferences: Preferences, kind: str, beta: float) -> None:
    """Warns where the margins that the true returns ask for, their differences over β, are out of reach."""
    with np.errstate(invalid="ignore"):
        gaps = np.abs(preferences.first.returns - preferences.second.returns)
    known = gaps[np.isfinite(gaps)]
    asked = float(np.mean(known)) / beta if len(known) else 0.0
    if asked > MOST_NATS:
        warnings.warn(
            f"align.{kind}.beta is in the units of a clip's return, and returns of a pair differ by "
            f"{asked * beta:.3g} in the mean: at β = {beta:g} they ask for margins of {asked:.0f} nats, above "
            f"{MOST_NATS:.0f}. A policy that follows them forgets its reference. Raise β to {asked * beta / 5:.2g}.",
            stacklevel=3,
        )
