"""What a step of adversarial matching tells."""

from typing import NamedTuple

from jaxtyping import Array, Float

from ilkit.reinforcement.info import ReinforcementInfo


class AdversarialInfo(NamedTuple):
    """The learning curves of matching by a discriminator."""

    learning: ReinforcementInfo
    accuracy: Float[Array, ""]
    """The share of steps that the discriminator tells right, demonstrated and tried ones alike: ½ where it can't."""
    discriminator_loss: Float[Array, ""]
    learnt_reward: Float[Array, ""]
    """The mean of what a step earned, with what follows a termination."""
