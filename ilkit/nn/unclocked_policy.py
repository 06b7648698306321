"""A policy that isn't shown how many steps are left, in an environment that shows it."""

import equinox as eqx
from jaxtyping import PyTree

from ilkit.data.goal_entries import STEPS_LEFT
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Dict, Space, Spaces, same_spaces
from ilkit.nn.wrapped_policy import WrappedPolicy


class UnclockedPolicy(WrappedPolicy):
    """Acts as a policy does that doesn't observe `steps_left`."""

    policy: Policy
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    @property
    def wrapped(self) -> Policy:
        """The policy that isn't shown it."""
        return self.policy

    def shown(self, obs: PyTree) -> PyTree:
        """All but how many steps are left."""
        return {name: entry for name, entry in obs.items() if name != STEPS_LEFT}


def fitting(seeds: Seeds[Policy], spaces: Spaces) -> Seeds[Policy]:
    """Policies for these spaces: as they are or, where they lack `steps_left` alone, without being shown it.

    What was kept on the way is left as it is.
    """
    own = seeds.stacked.spaces
    if same_spaces(own, spaces) or not same_spaces(own, unclocked(spaces)):
        return seeds
    stacked = UnclockedPolicy(policy=seeds.stacked, normalizer=seeds.stacked.normalizer, spaces=spaces)
    return Seeds(stacked, seeds.curves, len(seeds), seeds.snapshots)


def unclocked(spaces: Spaces) -> Spaces:
    """The same without `steps_left`."""
    return Spaces(observation=_without_clock(spaces.observation), action=spaces.action)


def _without_clock(space: Space) -> Space:
    if not isinstance(space, Dict):
        return space
    return Dict(entries=tuple(entry for entry in space.entries if entry[0] != STEPS_LEFT))
