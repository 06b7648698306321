"""What is learnt of what somebody wants: the reward of a step."""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from ilkit.data.policy import Policy
from ilkit.data.seeds import Learnt
from ilkit.data.spaces import Spaces
from ilkit.errors import DataError


class Reward(Learnt):
    """The reward of one step, which any reinforcement stage accepts in place of the environment's.

    What it needs of the data, such as a normalizer, is inside.
    """

    spaces: eqx.AbstractVar[Spaces]
    """Those of the environment that it was learnt in."""
    reads_action: eqx.AbstractVar[bool]
    """Whether it depends on the action; one that doesn't is of use where there are other actions."""

    @abstractmethod
    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        """r(s, a, s'), of the step alone: without what follows a termination."""

    def members(
        self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]
    ) -> Float[Array, " members"]:
        """The reward of a step as each member of an ensemble has it; its own alone where it is none."""
        return self(obs, action, next_obs, terminated)[None]

    @property
    def num_members(self) -> int:
        """How many rewards it is the mean of."""
        return 1

    @property
    def log_odds(self) -> Float[Array, " members"]:
        """What a unit of each member's reward is in nats of the odds that a clip is preferred to another; 1 by default.

        A reward that answers determine knows it; standardizing would lose how sure the answers make a member.
        """
        return jnp.ones(self.num_members)

    @property
    def absorbing(self) -> Float[Array, ""]:
        """The reward of each step that an episode would have had after its termination."""
        return jnp.zeros(())

    @property
    def has_absorbing(self) -> bool:
        """Whether the steps after a termination earn anything, so that what follows one is worth a sum."""
        return type(self).absorbing is not Reward.absorbing

    def earned(
        self,
        obs: PyTree,
        action: Array,
        next_obs: PyTree,
        terminated: Bool[Array, ""],
        *,
        discount: float | Float[Array, ""],
    ) -> Float[Array, ""]:
        """What a step earns: r(s, a, s'), and γ r(absorbing) / (1 - γ) more where it terminated the episode."""
        forever = discount * self.absorbing / (1.0 - jnp.minimum(discount, 1.0 - 1e-6))
        step = self(obs, action, next_obs, terminated)
        return step + jnp.where(terminated, forever, 0.0)


def check_reward(reward: Reward, spaces: Spaces) -> None:
    """Checks that a reward can be earned in an environment with these spaces.

    **Raises:** `DataError` where it was learnt from other observations, or needs other actions.
    """
    if reward.spaces.observation != spaces.observation:
        raise DataError(
            f"The reward was learnt from observations of {reward.spaces.observation}, and the environment's are of "
            f"{spaces.observation}. Learn it in an environment that observes the same."
        )
    if reward.reads_action and reward.spaces.action != spaces.action:
        raise DataError(
            f"The reward depends on actions of {reward.spaces.action}, and the environment's are of {spaces.action}. "
            "Learn one of states alone: match.kind airl or gail with inputs: state, as in match.airl.inputs."
        )


class Imitation(NamedTuple):
    """What matching makes: a policy, and the reward that explains the demonstrations."""

    policy: Policy
    reward: Reward
