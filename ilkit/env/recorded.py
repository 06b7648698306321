"""No environment at all: recordings of one that can't be stepped, such as a robot."""

from typing import Annotated, Literal

from pydantic import Field

from ilkit.data.environment import HostEnvironment, RecordedEnvironment
from ilkit.data.spaces import Box, Discrete, Space
from ilkit.spec import Spec


class Recorded(Spec):
    """Recordings alone: nothing is stepped, and policies are measured by their fit to held-out episodes."""

    kind: Literal["recorded"] = "recorded"
    observation: Space | None = None
    """The space of observations, such as `{kind: box, shape: [7], low: -.inf, high: .inf}`; not needed to measure."""
    action: Annotated[Box | Discrete, Field(discriminator="kind")] | None = None
    """The space of actions, such as `{kind: discrete, size: 4}`; not needed to measure."""


def env(spec: Recorded) -> HostEnvironment:
    """Names the spaces."""
    return RecordedEnvironment(observation=spec.observation, action=spec.action)  # type: ignore[call-arg]
