"""Questions about clips of what was recorded (Christiano et al., 2017).

Each question is drawn from the key and its own number, and so is its answer; no two are about the same clips, for which
a later one gives way, and none about those that were asked about before. To ask for more changes none of
the earlier ones.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

import jax
from jaxtyping import PRNGKeyArray
from pydantic import NonNegativeFloat, PositiveInt

from ilkit.asking.candidates import any_two, two_from_one_start
from ilkit.asking.questions import ask
from ilkit.asking.selection import Selection, select
from ilkit.asking.stretches import stretches_of
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.labeler import Labeler
from ilkit.data.preferences import Preferences
from ilkit.data.reward import Reward
from ilkit.spec import Spec


class Clips(Spec):
    """Pairs of clips of what was recorded, answered by a labeler (Christiano et al., 2017)."""

    kind: Literal["clips"] = "clips"
    num_pairs: PositiveInt = 100
    """How many questions to ask: fewer where there are no more pairs of clips."""
    length: PositiveInt | None = 15
    """The steps of a clip; null shows whole episodes. Episodes that were cut earlier are never shown."""
    same_start: bool = False
    """Whether both clips start in the same state, so that they differ by what was done: `rollout.kind` graded records
    several tries at each start."""
    selection: Selection = "random"
    """Which of the candidates is asked about: the first one, the one about which the members of the reward disagree
    most, or the one whose answer tells most of which member is right."""
    num_candidates: PositiveInt = 10
    """How many pairs are drawn for each question."""
    min_distance: NonNegativeFloat = 0.0
    """Clips that differ by no more than this aren't asked about: the root of the mean square of what differs between
    observations and actions, in units of their standard deviations. 0 leaves out equal clips alone."""

    def length_faults(self, longest: int) -> Iterator[str]:
        """Clips that are longer than every episode."""
        if self.length is not None and self.length > longest:
            yield f"length: must be at most the {longest} steps of an episode, got {self.length}."

    @property
    def shares_starts(self) -> bool:
        """Pairs are of any two clips, or start alike."""
        return self.same_start

    @property
    def needs_shared_starts(self) -> bool:
        """Where pairs start alike."""
        return self.same_start

    def source_faults(self, sources: Mapping[str, Any]) -> Iterator[str]:
        """A reward of a single opinion can't say where opinions differ."""
        if self.selection != "random" and getattr(sources.get("reward"), "num_members", 2) < 2:
            yield (
                f"selection: needs a reward with several members where it is {self.selection}, got one. Set "
                "num_members of the stage that learns it to 2 or more, or choose random."
            )

    def input_faults(self, given: Collection[str]) -> Iterator[str]:
        """A reward has to be there where it selects."""
        if self.selection != "random" and "reward" not in given:
            yield (
                f"selection: needs a reward where it is {self.selection}, and the pipeline hands none over. Pass "
                "reward=..., or choose random."
            )


def prefer(
    spec: Clips,
    labeler: Build[Labeler],
    demos: Demonstrations,
    reward: Reward | None = None,
    earlier: Preferences | None = None,
    *,
    key: PRNGKeyArray,
) -> Preferences:
    """Draws pairs of clips, asks about them, and appends the answers to the earlier ones.

    **Raises:** `DataError` where no episode is as long as a clip, no two clips start or differ as they have to, the
    reward can't select, or the labeler needs rewards that nobody knows.
    """
    pairs_key, answers_key = jax.random.split(key)
    stretches = stretches_of(demos, spec.length, at="prefer.clips.length")
    if spec.same_start:
        source = two_from_one_start(demos, stretches, key=pairs_key)
    else:
        source = any_two(stretches, key=pairs_key)
    candidates = source.candidates(spec.num_pairs, spec.num_candidates)
    pairs = select(spec.selection, demos, stretches, source, candidates, spec.min_distance, reward, earlier)
    return ask(labeler(), demos, stretches, pairs, earlier, key=answers_key)
