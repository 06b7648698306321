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


class AdversarialInfo(NamedTuple):
    """The learning curves of matching by a discriminator; see `MatchingInfo`."""

    departure: Float[Array, ""]
    accuracy: Float[Array, ""]
    """The share of steps that the discriminator tells right, demonstrated and tried ones alike: ½ where it can't."""
    discriminator_loss: Float[Array, ""]
    episodes: Float[Array, ""]
    learnt_reward: Float[Array, ""]
    loss: Float[Array, ""]
    noise_scale: Float[Array, ""]
    return_: Float[Array, ""]
    value_loss: Float[Array, ""]
