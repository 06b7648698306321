"""What demonstrations must be to be learnt from by reinforcement."""

from collections.abc import Collection

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.spaces import difference
from ilkit.errors import DataError


def demos_faults(given: Collection[str], kind: str) -> tuple[str, ...]:
    """What a kind that can't do without demonstrations lacks among the inputs that it is given."""
    if "demos" in given:
        return ()
    return (
        f"demos: must be handed over, for {kind} learns from them, and the pipeline hands over none. Add the argument "
        "demos to stages.finetune.",
    )


def check_demonstrated(demos: Demonstrations, policy: Policy, kind: str) -> None:
    """Checks that demonstrations can teach a policy by their rewards.

    **Raises:** `DataError` where they were recorded in other spaces, or no reward is known or none differs from 0.
    """
    check_recorded_spaces(demos, policy, kind)
    unknown = np.isnan(demos.rewards)
    if unknown.any():
        raise DataError(
            f"finetune.kind {kind} needs the rewards of the demonstrations, and {int(unknown.sum())} of "
            f"{demos.num_steps} steps have none. Hand over demonstrations that were recorded with them."
        )
    if not demos.rewards.any():
        raise DataError(
            f"finetune.kind {kind} learns from the rewards of the demonstrations, and all of these are 0. Hand over "
            "episodes that reached a reward, or leave demos out."
        )


def check_recorded_spaces(demos: Demonstrations, policy: Policy, kind: str) -> None:
    """Checks that demonstrations were recorded in the spaces of a policy.

    **Raises:** `DataError` where they weren't, or their actions have other bounds.
    """
    differing = difference(policy.spaces, demos.spaces)
    if differing:
        raise DataError(
            f"The demonstrations must have the spaces of the policy that finetune.kind {kind} improves: its "
            f"{differing}. Were they recorded in another env?"
        )
