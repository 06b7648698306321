"""A learnt reward less what its members disagree: what nobody was asked about is not worth going for.

r(s, a, s') = mean_k r_k - κ std_k r_k holds back a policy that finds where a reward is wrong rather than where it
is high (Coste et al., 2024, uncertainty-weighted optimization, with the standard deviation in place of the variance).
"""

from collections.abc import Collection, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from ilkit.data.reward import Reward
from ilkit.data.spaces import Spaces
from ilkit.errors import refuse


class CautiousReward(Reward):
    """The mean of the members' rewards, less κ times their standard deviation."""

    reward: Reward
    penalty: Float[Array, ""]
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True)

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        """The reward of a step, less what it is not sure of."""
        step = (obs, action, next_obs, terminated)
        return self.reward(*step) - self.penalty * jnp.std(self.reward.members(*step))

    def members(
        self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]
    ) -> Float[Array, " members"]:
        """Those of the reward itself."""
        return self.reward.members(obs, action, next_obs, terminated)

    @property
    def log_odds(self) -> Float[Array, " members"]:
        """That of the reward itself."""
        return self.reward.log_odds

    @property
    def absorbing(self) -> Float[Array, ""]:
        """That of the reward itself."""
        return self.reward.absorbing

    @property
    def has_absorbing(self) -> bool:
        """Whether the reward itself has one."""
        return self.reward.has_absorbing


def cautious(reward: Reward | None, penalty: float | None, kind: str) -> Reward | None:
    """The reward, less κ times what its members disagree where there is a κ.

    **Raises:** `DataError` where it has one member, which agrees with itself everywhere.
    """
    if reward is None or penalty is None:
        return reward
    refuse(f"finetune.{kind}", member_faults(penalty, {"reward": reward}))
    return CautiousReward(
        reward=reward,
        penalty=jnp.asarray(penalty, jnp.float32),
        spaces=reward.spaces,
        reads_action=reward.reads_action,
    )


def member_faults(penalty: float | None, sources: Mapping[str, Any]) -> tuple[str, ...]:
    """A penalty where a reward, or the settings that it is learnt by, has a single member."""
    if penalty is None or getattr(sources.get("reward"), "num_members", 2) > 1:
        return ()
    return (
        f"disagreement_penalty: needs a reward of several members, got {penalty:g} and one of a single member. "
        "Raise reward.bradley_terry.num_members, or set it to null.",
    )


def disagreement_faults(penalty: float | None, given: Collection[str]) -> tuple[str, ...]:
    """A penalty where no reward is handed over that could disagree with itself."""
    if penalty is None or "reward" in given:
        return ()
    return (
        f"disagreement_penalty: needs a reward that was learnt, got {penalty:g} without. Give reward to "
        "stages.finetune in the pipeline, or set it to null.",
    )
