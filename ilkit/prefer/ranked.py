"""Preferences of nobody: clips of episodes whose quality is known one against another are ranked by it.

Of returns or of success, as somebody has told them who was asked once about whole episodes (Brown et al., 2019, T-REX);
or of how much noise an expert acted under, of which more is worse, so that nobody is asked at all (Brown et al., 2020,
D-REX).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray
from pydantic import PositiveInt, model_validator

from ilkit.asking.candidates import generators
from ilkit.asking.stretches import Stretches, stretches_of
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.labeler import Labeler
from ilkit.data.preferences import Preferences, join_pairs
from ilkit.errors import DataError
from ilkit.spec import Spec


class Ranked(Spec):
    """Clips of better episodes against clips of worse ones, without labels (Brown et al., 2019, 2020)."""

    kind: Literal["ranked"] = "ranked"
    num_pairs: PositiveInt = 100
    """How many pairs to draw."""
    length: PositiveInt | None = 15
    """The steps of a clip; null takes whole episodes."""
    quality: Literal["return", "success", "noise"] = "return"
    """What makes an episode better than another: a larger return, success, or less noise, as `rollout.kind` graded
    records it, with the noise rising from try to try."""
    tries: PositiveInt | None = None
    """How many tries there are at each start, where noise ranks them: that of rollout.graded."""
    min_gap: PositiveInt = 1
    """How many places apart in the order of what there is both episodes are: 1 takes any that differ."""

    def length_faults(self, longest: int) -> Iterator[str]:
        """Clips that are longer than every episode."""
        if self.length is not None and self.length > longest:
            yield f"length: must be at most the {longest} steps of an episode, got {self.length}."

    @property
    def shares_starts(self) -> bool:
        """Pairs are of any two clips."""
        return False

    def source_faults(self, sources: Mapping[str, Any]) -> Iterator[str]:
        """Another number of tries than the recording has."""
        recorded = getattr(sources.get("demos"), "tries", None)
        if self.tries is not None and recorded not in (None, self.tries):
            yield f"tries: must be that of the recording that is handed over, {recorded}, got {self.tries}."

    @model_validator(mode="after")
    def _check(self) -> "Ranked":
        if (self.quality == "noise") != (self.tries is not None):
            raise ValueError(f"tries must be given where quality is noise, and only there, got {self.tries}")
        return self


def prefer(
    spec: Ranked,
    labeler: Build[Labeler],
    demos: Demonstrations,
    earlier: Preferences | None = None,
    *,
    key: PRNGKeyArray,
) -> Preferences:
    """Draws pairs of clips, and prefers that of the better episode; the labeler isn't asked.

    **Raises:** `DataError` where no episode is as long as a clip, or none is better than another as far as is told.
    """
    del labeler
    stretches = stretches_of(demos, spec.length, at="prefer.ranked.length")
    ranks = np.unique(_quality(spec, demos), return_inverse=True)[1].ravel()
    pairs = _drawn(spec, demos, stretches, ranks, key=key)
    rows = stretches.take(pairs)
    first, second = (
        demos.stretches(rows.rows[:, side], rows.lengths[:, side].astype(demos.lengths.dtype)) for side in (0, 1)
    )
    numbers = demos.episode_of(rows.rows)
    probability = (ranks[numbers[:, 0]] > ranks[numbers[:, 1]]).astype(np.float32)
    made = Preferences(first, second, probability)
    return made if earlier is None else join_pairs([earlier, made])


def _quality(spec: Ranked, demos: Demonstrations) -> Float[np.ndarray, " episodes"]:
    if spec.tries is not None:
        if demos.num_episodes % spec.tries:
            raise DataError(
                f"prefer.ranked.tries must divide the number of episodes, {demos.num_episodes}, got {spec.tries}. Set "
                "it to the tries of rollout.graded."
            )
        return -(np.arange(demos.num_episodes) % spec.tries).astype(np.float64)
    known = demos.success if spec.quality == "success" else demos.returns
    if known is None or not np.isfinite(known).all():
        raise DataError(
            f"prefer.ranked ranks by {spec.quality}, which the demonstrations don't tell of all episodes. Choose "
            "another quality."
        )
    return known.astype(np.float64)


def _drawn(
    spec: Ranked, demos: Demonstrations, stretches: Stretches, ranks: Int[np.ndarray, " episodes"], *, key: PRNGKeyArray
) -> Int[np.ndarray, "pairs 2"]:
    """Two stretches for each pair: of an episode that has a partner, of one of its partners."""
    numbers = demos.episode_of(stretches.rows)  # in order
    begins, counts = np.unique(numbers, return_index=True, return_counts=True)[1:]
    shown = ranks[np.unique(numbers)]
    lowest, highest = shown.min(), shown.max()
    able = np.flatnonzero((shown - lowest >= spec.min_gap) | (highest - shown >= spec.min_gap))
    if not len(able):
        raise DataError(
            f"No two episodes differ in {spec.quality} by {spec.min_gap} places. Lower min_gap, record episodes of "
            "mixed quality, or ask a labeler: prefer.kind clips."
        )
    drawn = []
    for random in generators(spec.num_pairs, key=key):
        one = random.choice(able)
        other = random.choice(np.flatnonzero(np.abs(shown - shown[one]) >= spec.min_gap))
        drawn.append([begins[episode] + random.integers(counts[episode]) for episode in (one, other)])
    return np.asarray(drawn)
