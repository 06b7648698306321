"""All episodes of several recordings, one recording after the other."""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.spaces import Spaces, described
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
    for part in ("observation", "action"):
        one, another = getattr(ours, part), getattr(theirs, part)
        if one != another:
            told = [described(one), described(another)]
            raise DataError(
                f"Recordings that are put together must have the same spaces, and the {part} is {told[0]} in {first}, "
                f"{told[1] if told[0] != told[1] else 'the same with other bounds'} in {other}. Record both in one env."
            )
