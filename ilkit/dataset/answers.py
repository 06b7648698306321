"""What an expert has answered to a policy that learnt by interaction, as demonstrations for others to learn from."""

from typing import Literal

from jaxtyping import PRNGKeyArray
from pydantic import NonNegativeInt

from ilkit.data.aggregate import Aggregate, answers_of
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.seeds import Seeds
from ilkit.spec import Spec


class Answers(Spec):
    """The answers to a policy that has asked: `stages.dataset(params.answers, asked=asked.demos)` in a pipeline."""

    kind: Literal["answers"] = "answers"
    training_seed: NonNegativeInt = 0
    """Whose, where several training seeds have asked."""


def dataset(spec: Answers, asked: Seeds[Aggregate], *, key: PRNGKeyArray) -> Demonstrations:
    """The demonstrations that it began with and all answers since; every stretch of answered steps is an episode.

    **Raises:** `DataError` where there is no such training seed.
    """
    del key
    return answers_of(asked, spec.training_seed, "dataset.answers.training_seed")
