"""The settings of matching by proximal policy optimization, whatever the reward."""

from collections.abc import Mapping
from typing import Any

import jax
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from ilkit.data.policy import Policy
from ilkit.reinforcement.proximal import ProximalSpec


class MatchingSpec(ProximalSpec):
    """The settings of matching by proximal policy optimization."""

    kind: str
    learning_rate: NonNegativeFloat = 1e-3
    """The step size of Adam for the policy."""
    rollout_length: PositiveInt = 32
    """Steps of every environment in an iteration."""
    num_epochs: PositiveInt = 4
    """Passes of the policy over the data of an iteration."""
    num_steps: PositiveInt = 250
    """Iterations, of num_envs times rollout_length steps of the environment each."""
    num_snapshots: NonNegativeInt = 0
    """Policies kept along training, at its start and between equal parts of it; `evaluate` draws their returns."""

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy without a density, or with a memory."""
        del parts
        return matched_faults(policy)


def matched_faults(policy: Policy) -> tuple[str, ...]:
    """What keeps a policy from being led by a reward of single steps, along its own density."""
    name = type(policy).__name__
    found = []
    if not policy.has_density:
        found.append(
            f"policy: must have a density, and that of {name} is implicit. "
            "Choose policy.kind gaussian, mixture, autoregressive or categorical."
        )
    if jax.tree.leaves(policy.initial_carry()):
        found.append(
            f"policy: must have no memory, and {name} has a carry: what is matched are single steps. "
            "Choose a network.kind without memory and a policy.kind other than chunked."
        )
    return tuple(found)
