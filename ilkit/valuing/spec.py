"""The settings of learning what states are worth on the way to a goal, and of cloning what gets nearer."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from ilkit.data.policy import Policy
from ilkit.fitting.goals import Strategy
from ilkit.fitting.hindsight import HindsightSpec, Share


class ValueSpec(HindsightSpec):
    """Goals of the policy are drawn by the settings without prefix; those of the values by the ones with it."""

    discount: Annotated[float, Field(gt=0, le=0.9999)] = 0.99
    """γ: how much less the next step costs, so that d steps are worth -(1 - γᵈ) / (1 - γ); and how near geometric goals
    are."""
    relative: bool = False
    """Whether policy and values are given goals as the way there, on its own scale: near ones are seen, then."""
    tolerance: NonNegativeFloat = 0.0
    """How far from the goal still counts as reached, in units of goals."""
    value_strategy: Strategy = "geometric"
    """How far ahead the goals are drawn that values learn of."""
    value_current: Share = 0.2
    """The share of these goals that are the present state."""
    value_future: Share = 0.5
    """The share of these goals that lie ahead in the same episode."""
    value_random: Share = 0.3
    """The share of these goals that are states of another episode."""
    value_steps: PositiveInt = 1
    """k: how many steps lie between a state and the one whose value makes its target, as they were done. Values that
    are wrong across a wall, where no step leads, spread less in longer ones (Park et al., Horizon reduction makes RL
    scalable, 2025)."""
    expectile: Annotated[float, Field(ge=0.5, lt=1)] = 0.9
    """τ: how much more it counts to be worth more than the value says; at .5 values are those of the data."""
    target_rate: Annotated[float, Field(gt=0, le=1)] = 0.005
    """How far the slow copy of the values, which targets are made of, follows them at every gradient step."""
    inverse_temperature: NonNegativeFloat = 10.0
    """α: actions that get nearer to the goal by A steps are cloned with a weight of exp(α A)."""
    max_weight: PositiveFloat = 100.0
    """The largest of these weights."""
    value_hidden: tuple[PositiveInt, ...] = (256, 256)
    """The sizes of the hidden layers of the values."""
    value_layer_norm: bool = True
    """Whether these are normalized (Ba et al., 2016)."""
    average: bool = False
    """Whether the policy that is learnt is the average of the weights along the way: that of a single step depends on
    the last few batches."""

    @model_validator(mode="after")
    def _check_value_shares(self) -> "ValueSpec":
        total = self.value_current + self.value_future + self.value_random
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"value_current, value_future and value_random must add up to 1, got {total:g}")
        return self

    def length_faults(self, longest: int) -> Iterator[str]:
        """Goals or values that lie further ahead than every episode."""
        yield from super().length_faults(longest)
        if self.value_steps > longest:
            yield f"value_steps: must be at most the steps of the longest episode, {longest}, got {self.value_steps}."

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy that decides on several actions at once, whose loss can't be weighted by what one of them gains."""
        del parts
        ahead = policy.window[1]
        if not ahead:
            return ()
        return (
            f"policy: must decide on one action at a time, to be weighted by what it gains, got one that decides on "
            f"{ahead + 1}. Choose another policy.kind than chunked.",
        )
