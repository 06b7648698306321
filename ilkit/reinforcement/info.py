"""What a step of reinforcement tells."""

from typing import NamedTuple

from jaxtyping import Array, Float


class ReinforcementInfo(NamedTuple):
    """The learning curves of reinforcement."""

    episodes: Float[Array, ""]
    """How many episodes there were."""
    loss: Float[Array, ""]
    noise_scale: Float[Array, ""]
    return_: Float[Array, ""]
    """The mean return of the last complete episode of each environment."""
    value_loss: Float[Array, ""]
