"""The settings that alignment has in every kind."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.policy import Policy
from ilkit.spec import Spec


class AlignSpec(Spec):
    """The settings of gradient steps on a loss of pairs."""

    learning_rate: PositiveFloat = 1e-3
    """The step size of Adam."""
    batch_size: PositiveInt = 64
    """Pairs a gradient step."""
    num_steps: PositiveInt = 1_000
    """Gradient steps."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A reference without a density."""
        del parts
        return density_faults(policy)


class ReferencedSpec(AlignSpec):
    """The settings of a loss of log ratios to a reference."""

    beta: PositiveFloat = 0.1
    """β, in the units of a clip's return: a margin of one nat of log π / π_ref stands for β of it."""


class RecordedSpec(ReferencedSpec):
    """The settings of such a loss on answers about recorded clips."""

    allow_different_starts: bool = False
    """Whether more than half of the pairs may be of clips from different starts, which compares states, not actions."""

    @property
    def needs_shared_starts(self) -> bool:
        """Unless different ones are allowed."""
        return not self.allow_different_starts


class DPOSettings(ReferencedSpec):
    """The settings of direct preference optimization."""

    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """ε: how often an answer is taken to be wrong: conservative DPO (Mitchell, 2023)."""
    robust: bool = False
    """Whether that is corrected for without a bias instead (Chowdhury et al., 2024)."""
    anchor: NonNegativeFloat | None = None
    """What -log π of the preferred clip counts beside, so that it stays likely (Pang et al., 2024); nothing if none."""

    def idle(self) -> dict[str, str]:
        """The robust form where no answer is wrong."""
        return {} if self.label_smoothing else {"robust": "label_smoothing is above 0"}


class IPOSettings(ReferencedSpec):
    """The settings of identity preference optimization."""

    average: bool = False
    """Whether log ratios are averaged over the steps of a clip, so that the margin is one of a step, or summed."""


def density_faults(policy: Policy) -> tuple[str, ...]:
    """What keeps the likelihood of actions from being known."""
    if policy.has_density:
        return ()
    return (
        f"reference: must give actions a density, and that of {type(policy).__name__} is implicit. Choose policy.kind "
        "gaussian, mixture, autoregressive or categorical.",
    )
