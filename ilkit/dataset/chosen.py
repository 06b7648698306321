"""What was preferred in each of some pairs, as demonstrations to clone: filtering by answers, without a reward."""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.preferences import Preferences
from ilkit.spec import Spec


class Chosen(Spec):
    """The preferred clip of each pair: `stages.dataset(params.chosen, preferences=asked)` in a pipeline."""

    kind: Literal["chosen"] = "chosen"


def dataset(spec: Chosen, preferences: Preferences, *, key: PRNGKeyArray) -> Demonstrations:
    """The clips in the order of their pairs, each an episode; of a tie none.

    **Raises:** `DataError` where all pairs are ties.
    """
    del spec, key
    return preferences.chosen()
