"""The settings of imitation by soft values, and what is refused."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Space
from ilkit.matching.spec import matched_faults
from ilkit.nn.layered_policy import CategoricalPolicy
from ilkit.off_policy.soft_actor import SoftSpec, density_faults
from ilkit.off_policy.spec import Fraction

_OF_CRITICS = (
    *("learning_rate", "critic_hidden", "critic_warmup_steps", "warmup_target_rate", "num_critics", "layer_norm"),
    *("num_target_critics", "initial_temperature", "target_entropy", "clone_weight", "clone_half_life", "pessimism"),
)


class SoftImitationSpec(SoftSpec):
    """The settings of values that demonstrated steps raise by a reward of 1, and one's own by 0."""

    form: Literal["soft_q", "soft_actor_critic"] = "soft_q"
    """Soft Q-learning, for discrete actions, or soft actor-critic, for continuous ones."""
    absorbing_states: bool = True
    """Whether a terminated episode stays in an absorbing state for the steps that were left to the time limit."""
    entropy_weight: PositiveFloat = 0.1
    """α of soft Q-learning: what a nat of entropy is worth, where a demonstrated step is worth 1."""
    critic_learning_rate: PositiveFloat = 1e-3
    """The step size of Adam for the values; that of soft Q-learning falls to 0 along a line."""
    learning_rate: NonNegativeFloat = 1e-3
    """The step size of Adam for the actor."""
    demo_batch_size: PositiveInt = 64
    """How many steps of an update are demonstrated."""
    batch_size: PositiveInt = 128
    """Steps of one update, one's own among them."""
    target_rate: Fraction = 0.03
    """τ: how far the slow copy moves towards what is learnt after an update; what is kept in the end is the copy."""
    num_critics: PositiveInt = 2
    """Critics that are learnt."""
    clone_weight: None = None
    """Nothing is cloned."""
    clone_half_life: None = None
    """Nothing is cloned."""
    pessimism: NonNegativeFloat | None = None
    """k: the actor climbs the mean of all critics less k times their standard deviation; none for the least."""
    critic_warmup_steps: NonNegativeInt = 0
    """Steps at the start in which only the critics learn."""
    num_steps: PositiveInt = 10_000
    """Steps of every environment, after each of which values are updated; the other kinds of `match` count iterations,
    of rollout_length such steps each."""

    def faults(self, world: Any) -> tuple[str, ...]:
        """The other form's actions, or a discount at which an absorbing state is worth an infinite sum."""
        return (*_form_faults(self.form, world.spaces.action), *self._discount_faults())

    def _discount_faults(self) -> tuple[str, ...]:
        if not (self.absorbing_states and self.discount == 1.0):
            return ()
        return (
            "discount: must be below 1 with absorbing states, whose worth would be infinite, got 1. Lower it, or set "
            "absorbing_states to false.",
        )

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy without a density or with a memory, or whose outputs can't be values."""
        del parts
        found = matched_faults(policy)
        if _form_faults(self.form, policy.spaces.action):
            return found  # the rest is said of the environment, whose actions the other form is for
        if self.form == "soft_actor_critic":
            return found or density_faults(policy)
        if found or isinstance(policy, CategoricalPolicy):
            return found
        return (
            f"policy: must have a logit for each action, which is its value, and {type(policy).__name__} has others. "
            "Choose policy.kind categorical.",
        )

    def input_faults(self, given: Collection[str]) -> tuple[str, ...]:
        """Nothing: there always are demonstrations."""
        del given
        return ()

    def idle(self) -> dict[str, str]:
        """What only the other form has."""
        if self.form == "soft_actor_critic":
            return {"entropy_weight": "form is soft_q; soft_actor_critic has target_entropy"}
        return dict.fromkeys(_OF_CRITICS, "form is soft_actor_critic")


def _form_faults(form: str, space: Space) -> tuple[str, ...]:
    if form == "soft_q" and not isinstance(space, Discrete):
        return (f"form: soft_q needs one choice among discrete actions, got {space}. Set form to soft_actor_critic.",)
    if form == "soft_actor_critic" and not isinstance(space, Box):
        return (f"form: soft_actor_critic needs continuous actions, got {space}. Set form to soft_q.",)
    return ()
