"""The policy of one task, made of one that has learnt many: π(a | s) = π(a | s, task)."""

from typing import Annotated, Literal

from pydantic import Field

from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.tasks import TASK, entries_of, value_in
from ilkit.errors import DataError, nearest
from ilkit.nn.conditioned_policy import condition_seeds
from ilkit.spec import Spec


class Task(Spec):
    """The policy of one task, by the name of its recording, as the environment of that task takes it."""

    kind: Literal["task"] = "task"
    recording: Annotated[str, Field(min_length=1)]
    """The task, by the name of its recording in `stages.join`."""


def condition(spec: Task, policy: Seeds[Policy]) -> Seeds[Policy]:
    """Fixes the task; what is observed is what it was before the recordings were put together.

    **Raises:** `DataError` where the policy tells no tasks apart, or was never trained on this one.
    """
    spaces = policy.stacked.spaces
    if spaces.tasks is None:
        raise DataError(
            "condition.kind task needs a policy that was trained on several tasks, and this one tells none apart. Put "
            "their recordings together by join.kind one_hot or settings before it is trained."
        )
    values = dict(spaces.tasks.values)
    if spec.recording not in values:
        raise DataError(
            f"condition.task.recording must be a task that the policy was trained on, got {spec.recording!r}. "
            f"{nearest(spec.recording, values)}"
        )
    told = {TASK: value_in(entries_of(spaces.observation)[TASK], values[spec.recording])}
    return condition_seeds(policy, spaces.tasks.observation, told)
