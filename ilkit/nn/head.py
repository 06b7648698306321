"""What heads share: actions that come out of a network of standardized observations."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, PyTree

from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.data.windows import Transitions
from ilkit.nn.action_units import ActionUnits


class Head(Policy):
    """A policy on top of a network, whose memory is the network's."""

    network: Network
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    @property
    def window(self) -> tuple[int, int]:
        """As many steps before the present one as the network remembers."""
        return self.network.past, 0

    def initial_carry(self) -> PyTree:
        """The network's."""
        return self.network.initial_carry()

    def outputs(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " outputs"]]:
        """network((s - mean) / std)."""
        return self.network(carry, self.normalizer(obs))


class ContinuousHead(Head):
    """A head of vectors of actions, which it takes in units of its own."""

    units: ActionUnits

    def fitted(self, transitions: Transitions) -> "ContinuousHead":
        """The policy with the statistics of observations, and of the actions that have no finite range."""
        fitted = super().fitted(transitions)
        return eqx.tree_at(lambda policy: policy.units, fitted, self.units.fitted(transitions))


def half_range_of(policy: Policy) -> Float[Array | np.ndarray, " act"]:
    """The unit of each entry of an action, by which errors in different ones compare."""
    assert isinstance(policy.spaces.action, Box)
    units = policy.units if isinstance(policy, ContinuousHead) else ActionUnits.of(policy.spaces.action)
    return units.half_range
