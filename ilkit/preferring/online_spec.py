"""The settings of alignment by questions about its own tries."""

from typing import Any, Literal

from pydantic import NonNegativeInt, PositiveInt, model_validator

from ilkit.data.environment import Environment, VectorState
from ilkit.preferring.spec import AlignSpec


class OnlineSpec(AlignSpec):
    """The settings of rounds of tries, questions, and gradient steps on all answers so far."""

    pairing: Literal["policy", "policy_reference", "best_worst"] = "policy_reference"
    """What is compared: two tries of the policy; one of it and one of the reference; or of `num_tries` tries of the
    policy, those whose log π / π_ref are the furthest apart."""
    num_tries: PositiveInt = 2
    """Tries from one start, of which two are asked about."""
    queries_per_step: PositiveInt = 20
    """Pairs a round."""
    updates_per_query: PositiveInt = 10
    """Gradient steps for each of them."""
    length: PositiveInt | None = None
    """Steps of a try; null for whole episodes."""
    initial_states: Literal["reset", "uniform"] = "reset"
    """Where tries start: as the environment says, or uniformly in the box of its states."""
    num_steps: PositiveInt = 50
    """Rounds."""
    num_snapshots: NonNegativeInt = 0
    """Policies kept along training, at its start and between equal parts of it; `evaluate` draws their returns."""

    @property
    def tries_per_query(self) -> int:
        """How many tries there are from one start."""
        return self.num_tries

    def steps_of(self, world: Environment) -> int:
        """The steps of a try."""
        return world.max_steps if self.length is None else min(self.length, world.max_steps)

    def faults(self, world: Any) -> tuple[str, ...]:
        """An environment on the host, or one whose states can't be drawn from a box."""
        if not isinstance(world, Environment):
            return ("kind: must try in an environment of pure JAX, got one on the host. Ask by stages.prefer instead.",)
        if self.initial_states == "uniform" and not isinstance(world, VectorState):
            return ("initial_states: uniform needs an environment whose states are vectors. Choose reset.",)
        return ()

    @model_validator(mode="after")
    def _check_tries(self) -> "OnlineSpec":
        if self.pairing != "best_worst" and self.num_tries != 2:
            raise ValueError(f"num_tries must be 2 unless pairing is best_worst, got {self.num_tries}")
        if self.num_tries < 2:
            raise ValueError(f"num_tries must be at least 2, for two are compared, got {self.num_tries}")
        return self
