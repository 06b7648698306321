"""Policies that only their samples make: by the mode, they do the same always."""

import warnings

from ilkit.data.policy import Policy


def warn_of_mode(policy: Policy, *, stochastic: bool) -> None:
    """Warns where the mode is recorded of a policy that has none to speak of."""
    if not stochastic and not policy.has_mode:
        warnings.warn(
            f"{type(policy).__name__} does the same always where stochastic is false, got false. "
            "Set stochastic: true in the settings of rollout.",
            stacklevel=2,
        )
