"""What a policy observes and what it may do."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


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
    """The whole numbers from 0 to `size` - 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["discrete"] = "discrete"
    size: int

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
