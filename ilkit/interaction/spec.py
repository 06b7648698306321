"""The settings of learning in rounds."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box
from ilkit.fitting.ensemble import ensemble_faults
from ilkit.spec import Spec
from ilkit.stepping.episodes import num_bytes


class RoundsSpec(Spec):
    """The settings of learning in rounds."""

    kind: str
    num_rounds: PositiveInt = 10
    """Rounds: in each the policy acts, the expert answers, and the policy is fitted to all answers so far."""
    num_envs: PositiveInt = 1
    """Environments in which a round is acted side by side, each from a new episode on."""
    rollout_length: PositiveInt | None = None
    """Steps of each of them a round, beyond the end of an episode in the next one; as many as an episode may have where
    none is given."""
    label_noise: NonNegativeFloat = 0.0
    """How shaky the expert's hand is: the standard deviation of the noise on its answers and its actions, in half
    ranges of the action space."""
    learning_rate: PositiveFloat = 1e-3
    """The step size of Adam."""
    batch_size: PositiveInt = 100
    """Transitions a gradient step."""
    num_gradient_steps: PositiveInt = 1_000
    """Gradient steps a round, and before the first one where no clone is given."""
    restart: bool = False
    """Whether weights are drawn anew in each round, instead of trained on."""
    keep: Literal["best", "last"] = "best"
    """Which round's policy is the result: that of the best return, or the last one."""
    num_validation_episodes: NonNegativeInt = 8
    """Episodes of the policy after each round, the same ones after all; none costs nothing, and then the return is that
    of the round itself, in which the expert has acted too."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""

    @model_validator(mode="after")
    def _check_keep(self) -> "RoundsSpec":
        if self.keep == "best" and not self.num_validation_episodes:
            raise ValueError("keep: best needs num_validation_episodes to be at least 1, got 0")
        return self

    def bytes_needed(self, world: Environment | HostEnvironment) -> int:
        """That of the steps of all rounds, in as many episodes at most."""
        steps = self.num_rounds * self.num_envs * (self.rollout_length or world.max_steps)
        return self.num_seeds * num_bytes(world, steps, steps)


class GatedSpec(RoundsSpec):
    """The settings of learning in rounds of which the expert drives a part."""

    num_members: Annotated[int, Field(ge=1, le=1000)] = 1
    """Policies, each fitted to a bootstrap of the answers; they act by their mean."""

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy that needs answers at steps where there are none, or that an ensemble can't have as a member."""
        del parts
        if self.num_members == 1:
            return sparse_faults(policy)
        if isinstance(policy.spaces.action, Box):
            return ensemble_faults(policy)
        return (
            f"num_members: an ensemble needs actions that are vectors, and these are discrete, got {self.num_members}. "
            "Choose interact.kind dagger, or hg_dagger or safe_dagger with num_members 1.",
        )


def sparse_faults(policy: Policy) -> tuple[str, ...]:
    """What keeps a policy from being fitted to answers here and there."""
    if policy.window == (0, 0):
        return ()
    return (
        f"policy: must be fitted step by step where the expert answers at some steps only, and {type(policy).__name__} "
        "is fitted to several at once. Choose network.kind mlp and another policy.kind than chunked, or "
        "interact.kind dagger with label_every 1.",
    )
