"""Answers of a person, who looks at the clips in a folder and fills in a table.

A stage never waits: it shows what is to be answered, stops, and goes on where it stopped once the answers are there.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Literal

import equinox as eqx
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from ilkit.asking.queue import OpenQuestionsError, names_of, read_answers
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.labeler import Answers, Labeler
from ilkit.data.preferences import Clips
from ilkit.errors import DataError
from ilkit.spec import MADE_LATER, Spec


class Queue(Spec):
    """A person who looks at the clips in a folder and fills in a table there."""

    kind: Literal["queue"] = "queue"
    folder: Annotated[Path, MADE_LATER] = Path("questions")
    """The folder, from that of `params.yaml`: the clips that are asked about, as pictures, and `answers.csv`."""

    def input_faults(self, given: Collection[str]) -> Iterator[str]:
        """Nobody answers where a stage asks about what it does itself while it runs."""
        if "demos" not in given:
            yield (
                "folder: people answer between runs, and this stage asks while it runs. Choose another labeler.kind, "
                "such as simulated, or ask by stages.prefer."
            )


class QueueLabeler(Labeler):
    """Looks up what a person has answered."""

    folder: str = eqx.field(static=True)

    @property
    def needs_rewards(self) -> bool:
        """People need none."""
        return False

    def answers(self, first: Clips, second: Clips, numbers: Int[Array, " pairs"], *, key: PRNGKeyArray) -> Answers:
        """Refuses: nobody answers while a compiled function runs.

        **Raises:** `DataError`, always.
        """
        raise DataError(
            "People answer between runs, and this stage asks while it runs. Ask by stages.prefer, or choose another "
            "labeler, such as simulated."
        )

    def asked(
        self, first: Demonstrations, second: Demonstrations, numbers: Int[np.ndarray, " pairs"], *, key: PRNGKeyArray
    ) -> Answers:
        """The answers in the table.

        **Raises:** `OpenQuestionsError` where some are missing, with the pairs to show; `DataError` where the table is
        damaged.
        """
        del numbers, key
        folder = Path(self.folder)
        names, given = names_of(first, second), read_answers(folder)
        missing = {name: place for place, name in enumerate(names) if name not in given}
        if missing:
            rows = np.asarray(list(missing.values()))
            raise OpenQuestionsError(folder, list(missing), first.take(rows), second.take(rows))
        probability = np.asarray([given[name].probability for name in names], np.float32)
        return Answers(probability, np.asarray([given[name].answered for name in names]))


def labeler(spec: Queue) -> Labeler:
    """Makes the queue."""
    return QueueLabeler(str(spec.folder))
