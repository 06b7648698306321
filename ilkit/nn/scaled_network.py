"""A network whose outputs are multiplied, so that what is large in its own units is easily learnt."""

from jaxtyping import Array, Float, PyTree

from ilkit.data.network import Network
from ilkit.data.normalizer import Untrained


class Scale(Untrained):
    """What the outputs of a network are multiplied by."""

    factor: Float[Array, ""]


class ScaledNetwork(Network):
    """factor · network(s), of a network without memory."""

    network: Network
    scale: Scale

    def __call__(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " outputs"]]:
        """Multiplies the outputs."""
        carry, outputs = self.network(carry, obs)
        return carry, self.scale.factor * outputs
