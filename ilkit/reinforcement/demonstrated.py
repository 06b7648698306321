"""What demonstrations must be to be learnt from by reinforcement."""

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, described
from ilkit.errors import DataError


def check_demonstrated(demos: Demonstrations, policy: Policy, kind: str) -> None:
    """Checks that demonstrations can teach a policy by their rewards.

    **Raises:** `DataError` where they were recorded in other spaces, or no reward is known or none differs from 0.
    """
    _check_spaces(demos, policy, kind)
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


def _check_spaces(demos: Demonstrations, policy: Policy, kind: str) -> None:
    ours, theirs = policy.spaces, demos.spaces
    for name in ("observation", "action"):
        wanted, got = described(getattr(ours, name)), described(getattr(theirs, name))
        if wanted != got:
            raise DataError(
                f"The {name}s of the demonstrations must be those of the policy that finetune.kind {kind} improves: "
                f"{wanted}, got {got}. Were they recorded in another env?"
            )
    if not (isinstance(ours.action, Box) and isinstance(theirs.action, Box)):
        return
    wanted_bounds, bounds = np.asarray(ours.action.bounds), np.asarray(theirs.action.bounds)
    differ = np.isfinite(wanted_bounds) & np.isfinite(bounds) & (wanted_bounds != bounds)
    if differ.any():
        end, entry = (int(index[0]) for index in np.nonzero(differ.reshape(2, -1)))
        raise DataError(
            f"The actions of the demonstrations must have the bounds of those of the policy, got "
            f"{bounds.reshape(2, -1)[end, entry]:g} for {wanted_bounds.reshape(2, -1)[end, entry]:g} in entry {entry}. "
            "Were they recorded in another env?"
        )
