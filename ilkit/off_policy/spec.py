"""The settings that learning from replayed steps has in every kind, and what is refused of an environment or policy."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ilkit.data.policy import Policy
from ilkit.off_policy.actions import continuity_faults
from ilkit.reinforcement.warmup import check_warmup
from ilkit.spec import Spec
from ilkit.stepping.behavior import memory_faults

Fraction = Annotated[float, Field(ge=0, le=1)]


class ReplaySpec(Spec):
    """The settings of critics that learn from replayed steps."""

    kind: str
    critic_learning_rate: PositiveFloat = 1e-3
    """The step size of Adam for the critics."""
    discount: Fraction = 0.99
    """γ: what a reward one step later is worth."""
    target_rate: Fraction = 0.005
    """τ: how far the slow copies move towards what is learnt whenever they do."""
    warmup_target_rate: Fraction = 0.1
    """The same while only the critics learn: the policy that they judge stands still, and they start from nothing."""
    batch_size: PositiveInt = 256
    """Steps of one update."""
    demo_batch_size: NonNegativeInt = 0
    """How many of them are demonstrated, which then are always as many; 0 for none."""
    buffer_size: PositiveInt = 100_000
    """Steps that the buffer holds."""
    num_envs: PositiveInt = 8
    """Environments stepped side by side."""
    updates_per_env_step: PositiveInt = 1
    """Updates of the critics for one step of one environment."""
    num_critics: PositiveInt = 2
    """Critics that are learnt."""
    num_target_critics: PositiveInt = 2
    """Critics that are drawn for the targets of an update, the least of which counts."""
    layer_norm: bool = False
    """Whether hidden values of the critics are normalized, which bounds what they say of unknown actions."""
    critic_hidden: tuple[PositiveInt, ...] = (64, 64)
    """The width of each hidden layer of the critics."""
    critic_warmup_steps: NonNegativeInt = 250
    """Steps at the start in which only the critics learn."""
    num_steps: PositiveInt = 2_500
    """Steps of every environment."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""
    num_snapshots: NonNegativeInt = 0
    """Policies kept along training, at its start and between equal parts of it; `evaluate` draws their returns."""

    @property
    def updates_per_round(self) -> int:
        """Updates of the critics for one of the actor."""
        return 1

    @property
    def updates_per_target(self) -> int:
        """Updates of the critics for one of their slow copies."""
        return 1

    @property
    def needs_next_states(self) -> bool:
        """Whether demonstrations are replayed."""
        return self.demo_batch_size > 0

    @property
    def rounds(self) -> int:
        """Updates of the actor in a step."""
        return self.num_envs * self.updates_per_env_step // self.updates_per_round

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy with a memory: steps are drawn one by one."""
        del parts
        return memory_faults(policy)

    def faults(self, world: Any) -> tuple[str, ...]:
        """Actions that are no vectors."""
        return continuity_faults(world.spaces.action)

    def input_faults(self, given: Collection[str]) -> tuple[str, ...]:
        """Batches with demonstrations, where none are given or where their rewards aren't those that are maximized."""
        if not self.demo_batch_size:
            return ()
        if "reward" in given:
            return (
                f"demo_batch_size: must be 0 where a learnt reward is maximized, got {self.demo_batch_size}: "
                "demonstrations have the environment's. Set it to 0, or leave reward out of stages.finetune.",
            )
        if "demos" in given:
            return ()
        return (
            f"demo_batch_size: needs demonstrations where it isn't 0, got {self.demo_batch_size} without. Give demos "
            "to stages.finetune in the pipeline, or choose a kind and a setting that do without.",
        )

    def idle(self) -> dict[str, str]:
        """What holds while only the critics learn, where they never do."""
        return {} if self.critic_warmup_steps else {"warmup_target_rate": "critic_warmup_steps is above 0"}

    @model_validator(mode="after")
    def _check_numbers_of_steps(self) -> "ReplaySpec":
        check_warmup(self.critic_warmup_steps, self.num_steps)
        if self.num_target_critics > self.num_critics:
            raise ValueError(
                f"num_target_critics must be at most num_critics, got {self.num_target_critics} of {self.num_critics}"
            )
        if self.demo_batch_size > self.batch_size:
            raise ValueError(
                f"demo_batch_size must be at most batch_size, of which it is a share, got {self.demo_batch_size} of "
                f"{self.batch_size}. Raise batch_size"
            )
        return self


class OffPolicySpec(ReplaySpec):
    """The settings of critics and an actor that learn from replayed steps."""

    learning_rate: NonNegativeFloat = 3e-4
    """The step size of Adam for the actor."""
    clone_weight: NonNegativeFloat | None = None
    """What a departure from the clone costs, against a standardized value; none by default."""
    clone_half_life: PositiveFloat | None = None
    """Steps of every environment after the warm-up in which that cost halves; none where it stays."""
    pessimism: NonNegativeFloat | None = None
    """k: an actor climbs the mean of all critics less k times their standard deviation, so that it stays where they
    agree; none for what was published: one of them, the least or the mean, as the kind says."""
