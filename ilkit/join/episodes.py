"""All episodes of several recordings, one recording after the other."""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.tasks import check_alike
from ilkit.spec import Spec


class Episodes(Spec):
    """All episodes of several recordings, one recording after the other."""

    kind: Literal["episodes"] = "episodes"

    @property
    def shares_starts(self) -> bool:
        """No more than there are already."""
        return False


def join(spec: Episodes, *, key: PRNGKeyArray, **demos: Demonstrations) -> Demonstrations:
    """Appends the recordings in the order in which the pipeline names them.

    **Raises:** `DataError` where there is none, or they were recorded in different spaces.
    """
    del spec, key
    check_alike(demos, "Record both in one env.")
    return concatenate(list(demos.values()))
