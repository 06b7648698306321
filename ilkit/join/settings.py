"""Recordings of several tasks, told apart by the settings that differ, such as a mass or where to go.

The settings of each task are given by the name of its recording. Those that differ become the entry `task` of what is
observed, a vector of them in the order of their names, so that tasks that are alike have vectors that are close. A
policy then learns π(a | s, settings), and `condition` makes the policy of one task of it.
"""

from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import PRNGKeyArray
from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box
from ilkit.data.tasks import put_together
from ilkit.errors import refuse
from ilkit.spec import Spec


def _pairs(given: Any) -> Any:
    return tuple(given.items()) if isinstance(given, dict) else given


def _sorted_pairs(given: Any) -> Any:
    return tuple(sorted(given.items())) if isinstance(given, dict) else given


_LARGEST = 1e9
_Numbers = Annotated[tuple[tuple[str, float], ...], BeforeValidator(_sorted_pairs), Field(min_length=1)]


class Settings(Spec):
    """Recordings of several tasks, whose settings that differ become an entry `task` of what is observed."""

    kind: Literal["settings"] = "settings"
    tasks: Annotated[
        tuple[tuple[str, _Numbers], ...],
        BeforeValidator(_pairs),
        Field(min_length=2),
        PlainSerializer(lambda tasks: {name: dict(numbers) for name, numbers in tasks}),
        WithJsonSchema(
            {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": {"type": "number"}}}
        ),
    ]
    """The settings of each task by the name of its recording, such as `{light: {mass: 1.0}, heavy: {mass: 2.0}}`."""

    @model_validator(mode="after")
    def _check_tasks(self) -> "Settings":
        first, ours = next((name, sorted(dict(numbers))) for name, numbers in self.tasks)
        for other, numbers in self.tasks:
            for name, number in numbers:
                if abs(number) > _LARGEST:
                    raise ValueError(f"tasks: {name} of {other} must be at most {_LARGEST:g}, got {number:g}")
            if sorted(dict(numbers)) != ours:
                raise ValueError(
                    f"tasks must all have the same settings, got {', '.join(ours)} of {first} and "
                    f"{', '.join(sorted(dict(numbers)))} of {other}"
                )
        if not self.differing:
            raise ValueError(f"tasks must differ in a setting, got the same {', '.join(ours)} of all; leave out join")
        return self

    @property
    def shares_starts(self) -> bool:
        """No more than there are already."""
        return False

    @property
    def differing(self) -> tuple[str, ...]:
        """The names of the settings that aren't the same for all tasks, in their order."""
        all_of = [dict(numbers) for _, numbers in self.tasks]
        return tuple(name for name in sorted(all_of[0]) if len({numbers[name] for numbers in all_of}) > 1)

    def input_faults(self, given: Collection[str]) -> Iterator[str]:
        """Recordings without settings, and settings without a recording."""
        named = [name for name, _ in self.tasks]
        if sorted(named) != sorted(given):
            yield f"tasks: must be one for each recording, {', '.join(sorted(given))}, got {', '.join(sorted(named))}."


def join(spec: Settings, *, key: PRNGKeyArray, **demos: Demonstrations) -> Demonstrations:
    """Appends the recordings in the order in which the pipeline names them.

    **Raises:** `DataError` where there is none, they were recorded in different spaces, tell tasks apart already, or
    other tasks have settings.
    """
    del key
    refuse("join.settings", spec.input_faults(demos))
    rows = np.array([[dict(numbers)[one] for one in spec.differing] for _, numbers in spec.tasks], np.float32)
    values = {name: tuple(row.tolist()) for (name, _), row in zip(spec.tasks, rows, strict=True)}
    return put_together(demos, Box(low=tuple(rows.min(axis=0)), high=tuple(rows.max(axis=0))), values)
