"""What a step of reinforcement tells."""

from typing import NamedTuple

from jaxtyping import Array, Float

from ilkit.stepping.records import EpisodeLog


class ReinforcementInfo(NamedTuple):
    """The learning curves of reinforcement."""

    departure: Float[Array, ""]
    """How far the policy's modes have departed from those of the policy that training started from."""
    episodes: Float[Array, ""]
    """How many episodes there were."""
    gained: Float[Array, ""]
    """In how many of them there was a reward above 0."""
    loss: Float[Array, ""]
    noise_scale: Float[Array, ""]
    return_: Float[Array, ""]
    """The mean return of the last complete episode of each environment."""
    rewarded: Float[Array, ""]
    """In how many episodes there was a reward other than 0."""
    value_loss: Float[Array, ""]

    @classmethod
    def of(
        cls,
        log: EpisodeLog,
        *,
        departure: Float[Array, ""],
        loss: Float[Array, ""],
        noise_scale: Float[Array, ""],
        value_loss: Float[Array, ""],
    ) -> "ReinforcementInfo":
        """What a learner tells, beside what is known of its episodes."""
        episodes, gained, rewarded = log.total_episodes, log.total_gained, log.total_rewarded
        return cls(departure, episodes, gained, loss, noise_scale, log.mean_return, rewarded, value_loss)


class RewardedInfo(NamedTuple):
    """The learning curves of reinforcement by a reward that isn't the environment's; the return is."""

    learning: ReinforcementInfo
    learnt_reward: Float[Array, ""]
    """The mean of what a step earned by that reward, with what follows a termination."""
