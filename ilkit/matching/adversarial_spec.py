"""The settings of adversarial matching, whatever the discriminator's game."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ilkit.matching.features import Inputs, reads_next_state
from ilkit.matching.spec import MatchingSpec


class AdversarialSpec(MatchingSpec):
    """The settings of a discriminator, and of a policy that is led by it."""

    discriminator_hidden: tuple[PositiveInt, ...] = (64, 64)
    """The width of each hidden layer of the discriminator."""
    discriminator_learning_rate: PositiveFloat = 3e-3
    """The step size of Adam for the discriminator."""
    num_discriminator_steps: PositiveInt = 4
    """Gradient steps of the discriminator an iteration."""
    discriminator_batch_size: PositiveInt = 512
    """Demonstrated steps, and as many tried ones, a gradient step of the discriminator."""
    inputs: Inputs = "state_action"
    """What of a step (s, a, s') the discriminator sees; without the action, imitation is from observations alone."""
    gradient_penalty: PositiveFloat | None = None
    """The weight of (‖∇V‖ - target)² between demonstrated and tried steps in its loss; none by default."""
    gradient_norm_target: Literal[0, 1] = 1
    """The norm that a gradient penalty draws to: 1 (Gulrajani et al., 2017) or 0."""
    spectral_norm: bool = False
    """Whether every matrix of the discriminator is divided by its largest singular value (Miyato et al., 2018)."""
    replay_iterations: NonNegativeInt = 0
    """Iterations before the present one whose tried steps the discriminator goes on to see."""
    label_smoothing: Annotated[float, Field(gt=0, lt=0.5)] | None = None
    """ε: a demonstrated step counts 1 - ε as such and ε as a tried one (Salimans et al., 2016); none by default."""
    absorbing_states: bool = True
    """Whether an episode that terminated goes on in an absorbing state to its time limit, in demonstrations and trials
    alike; without it, the sign of the reward decides how long episodes are, whatever was demonstrated."""
    entropy_weight: PositiveFloat | None = None
    """λ: each step earns -λ log π(a | s) beside, for the entropy of the policy; none by default."""
    start: Literal["scratch", "clone"] = "scratch"
    """Whether the policy starts as it is drawn, or from a clone of the demonstrations."""
    clone_steps: PositiveInt = 500
    """Gradient steps of that clone, on 100 demonstrated steps each with a step size of 1e-3."""

    @model_validator(mode="after")
    def _check_worth(self) -> "AdversarialSpec":
        if self.absorbing_states and self.discount == 1.0:
            raise ValueError(
                "discount must be below 1 with absorbing_states: what follows a termination forever is worth "
                "r / (1 - discount), got 1. Lower discount, or set absorbing_states: false"
            )
        return self

    @property
    def needs_next_states(self) -> bool:
        """Whether the discriminator sees s'."""
        return reads_next_state(self.inputs)

    def idle(self) -> Mapping[str, str]:
        """What says how a penalty or a clone is that there isn't."""
        found = {} if self.gradient_penalty else {"gradient_norm_target": "gradient_penalty is set"}
        return found if self.start == "clone" else {**found, "clone_steps": "start is clone"}
