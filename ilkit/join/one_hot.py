"""Recordings of several tasks, told apart by their number: one policy for many tasks.

The number of a recording becomes the entry `task` of what is observed, a discrete one, which every network gets as a
one-hot vector. A policy then learns π(a | s, task), and `condition` makes the policy of one task of it.
"""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Discrete
from ilkit.data.tasks import put_together
from ilkit.spec import Spec


class OneHot(Spec):
    """Recordings of several tasks, whose numbers become an entry `task` of what is observed: one-hot in networks."""

    kind: Literal["one_hot"] = "one_hot"

    @property
    def shares_starts(self) -> bool:
        """No more than there are already."""
        return False


def join(spec: OneHot, *, key: PRNGKeyArray, **demos: Demonstrations) -> Demonstrations:
    """Appends the recordings in the order in which the pipeline names them, which is that of their numbers.

    **Raises:** `DataError` where there is none, they were recorded in different spaces, or tell tasks apart already.
    """
    del spec, key
    numbers = {name: (float(number),) for number, name in enumerate(demos)}
    return put_together(demos, Discrete(size=max(len(demos), 1)), numbers)
