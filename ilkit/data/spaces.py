"""What a policy observes and what it may do."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ilkit.errors import DataError


class Box(BaseModel):
    """Vectors between `low` and `high`, entry by entry; infinite where there is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    kind: Literal["box"] = "box"
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def symmetric(cls, high: Sequence[float]) -> "Box":
        """The box from `-high` to `high`."""
        return cls(low=tuple(-float(h) for h in high), high=tuple(float(h) for h in high))

    @property
    def size(self) -> int:
        """The number of entries of a vector."""
        return len(self.low)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one element."""
        return (self.size,)

    @property
    def dtype(self) -> np.dtype:
        """The type of the entries."""
        return np.dtype(np.float32)


class Discrete(BaseModel):
    """The `size` whole numbers from `start` on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["discrete"] = "discrete"
    size: int
    start: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one element."""
        return ()

    @property
    def dtype(self) -> np.dtype:
        """The type of an element."""
        return np.dtype(np.int32)


class Spaces(BaseModel):
    """The observation and the action space of an environment or a policy."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    observation: Box
    action: Annotated[Box | Discrete, Field(discriminator="kind")]


def check_spaces(env: Spaces, policy: Spaces) -> None:
    """Checks that a policy fits an environment.

    **Raises:** `DataError` where the kinds or sizes of their observations or actions differ.
    """
    for name, needed, got in (
        ("observations", env.observation, policy.observation),
        ("actions", env.action, policy.action),
    ):
        if (needed.kind, needed.size) != (got.kind, got.size):
            raise DataError(
                f"The policy's {name} must be those of the environment: {needed.kind} of size {needed.size}, "
                f"got {got.kind} of size {got.size}. Was the policy learnt in another env?"
            )
