"""What a step of matching tells."""

from typing import NamedTuple

from jaxtyping import Array, Float


class MatchingInfo(NamedTuple):
    """The learning curves of matching by a reward that isn't learnt; see `ReinforcementInfo`."""

    departure: Float[Array, ""]
    episodes: Float[Array, ""]
    learnt_reward: Float[Array, ""]
    """The mean of what a step earned, with what follows a termination."""
    loss: Float[Array, ""]
    noise_scale: Float[Array, ""]
    return_: Float[Array, ""]
    """The mean return, in the environment's own rewards, of the last complete episode of each environment."""
    value_loss: Float[Array, ""]
