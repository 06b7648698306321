"""Questions about clips of what was recorded (Christiano et al., 2017).

Each question is drawn from the key and its own number alone, and so is its answer: to ask for more changes none of the
earlier ones.
"""

from typing import Literal

import jax
import numpy as np
from jaxtyping import PRNGKeyArray
from pydantic import PositiveInt

from ilkit.asking.questions import ask
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
    """How many questions to ask."""
    length: PositiveInt | None = 15
    """The steps of a clip; null shows whole episodes."""


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

    **Raises:** `DataError` where no episode is as long as a clip, or the labeler needs rewards that nobody knows.
    """
    pairs_key, answers_key = jax.random.split(key)
    stretches = stretches_of(demos, spec.length, at="prefer.clips.length")
    entropy = np.asarray(jax.random.key_data(pairs_key)).tolist()
    generators = [np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(i,))) for i in range(spec.num_pairs)]
    drawn = np.stack([generator.integers(len(stretches.rows), size=2) for generator in generators])
    return ask(labeler(), demos, stretches, drawn, earlier, key=answers_key)
