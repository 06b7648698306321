"""All episodes of several recordings, one recording after the other."""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.spaces import Spaces, difference
from ilkit.errors import DataError
from ilkit.spec import Spec


class Episodes(Spec):
    """All episodes of several recordings, one recording after the other."""

    kind: Literal["episodes"] = "episodes"


def join(spec: Episodes, *, key: PRNGKeyArray, **demos: Demonstrations) -> Demonstrations:
    """Appends the recordings in the order in which the pipeline names them.

    **Raises:** `DataError` where there is none, or they were recorded in different spaces.
    """
    del spec, key
    if not demos:
        raise DataError("stages.join needs recordings to put together. Name them: stages.join(params.join, first=...).")
    first, spaces = next((name, one.spaces) for name, one in demos.items())
    for name, other in demos.items():
        _check_same(first, spaces, name, other.spaces)
    return concatenate(list(demos.values()))


def _check_same(first: str, ours: Spaces, other: str, theirs: Spaces) -> None:
    differing = difference(ours, theirs)
    if differing:
        raise DataError(
            f"Recordings that are put together must have the same spaces, and those of {other} differ from those of "
            f"{first}: {differing}. Record both in one env."
        )
