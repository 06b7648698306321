"""EnsembleDAgger: an ensemble acts where it is near the expert and sure, the expert acts and labels elsewhere.

The policy acts at a step if ‖a - a*‖ < τ and the variance of the ensemble's actions, tr cov, is at most χ (Menda,
Driggs-Campbell and Kochenderfer, EnsembleDAgger: A Bayesian Approach to Safe Imitation Learning, 2019). Without a limit
on the variance it is SafeDAgger* of an ensemble; at τ = 0 the expert always acts, which is behavior cloning.
"""

from typing import Annotated, Literal

from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat

from ilkit.data.aggregate import Interaction
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.interaction.gate import Gate, Seen, never, where_it_acted
from ilkit.interaction.rounds import Kind, train_in_rounds
from ilkit.interaction.spec import GatedSpec


class EnsembleDAgger(GatedSpec):
    """The expert acts where an ensemble is far from it or in doubt (Menda et al., 2019)."""

    kind: Literal["ensemble_dagger"] = "ensemble_dagger"
    num_members: Annotated[int, Field(ge=2, le=1000)] = 5
    """Policies, each fitted to a bootstrap of the answers; they act by their mean."""
    largest_deviation: NonNegativeFloat = 0.5
    """τ: the expert acts where ‖a - a*‖ is this or more, in half ranges of the action space."""
    largest_variance: NonNegativeFloat = 0.05
    """χ: the expert acts where the trace of the covariance of the ensemble's actions is above this, in the squares of
    half ranges."""


class _NearAndSure(Gate):
    largest_deviation: float | Float[Array, ""]
    largest_variance: float | Float[Array, ""]

    def __call__(self, state: PyTree, seen: Seen) -> tuple[PyTree, Bool[Array, ""]]:
        """Where the ensemble is too far off, or too unsure."""
        return state, (seen.deviation >= self.largest_deviation) | (seen.doubt**2 > self.largest_variance)


def interact(
    spec: EnsembleDAgger,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Policy,
    *,
    key: PRNGKeyArray,
) -> Training[Interaction]:
    """Starts from a clone of the demonstrations.

    **Raises:** `DataError` where the policy can't be a member of an ensemble, actions are discrete, or spaces differ.
    """
    gate = _NearAndSure(spec.largest_deviation, spec.largest_variance)
    kind = Kind(never, where_it_acted)
    return train_in_rounds(spec, kind, gate, policy, env(), demos, expert, key=key, num_members=spec.num_members)
