"""HG-DAgger: a person watches, takes over and gives back; only what the person does is learnt from.

The person is simulated: takes over once the policy has been further than `takeover` from what the person would do, for
longer than the reaction takes, and gives back once it is within `release`. The doubts of the ensemble at which that
happens are logged, and the mean of their last quarter is the threshold above which the policy isn't to be trusted
(Kelly et al., HG-DAgger: Interactive Imitation Learning with Human Experts, 2019).
"""

from typing import Annotated, Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, model_validator

from ilkit.data.aggregate import Interaction
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.interaction.gate import Gate, Seen, never, where_it_acted
from ilkit.interaction.rounds import Kind, train_in_rounds
from ilkit.interaction.spec import GatedSpec

_State = tuple[Bool[Array, ""], Int[Array, ""]]


class HGDAgger(GatedSpec):
    """A simulated person takes over and gives back, and only its actions are learnt from (Kelly et al., 2019)."""

    kind: Literal["hg_dagger"] = "hg_dagger"
    num_members: Annotated[int, Field(ge=1, le=1000)] = 5
    """Policies, each fitted to a bootstrap of the answers; they act by their mean, and their spread is the doubt."""
    takeover: NonNegativeFloat = 0.5
    """How far from what it would do the person lets the policy act, in half ranges of the action space."""
    release: NonNegativeFloat = 0.2
    """How near the policy must come for the person to give back; at most `takeover`."""
    reaction_time: NonNegativeInt = 0
    """How many steps the person takes to act after it was too far off."""

    @model_validator(mode="after")
    def _check_release(self) -> "HGDAgger":
        if self.release > self.takeover:
            raise ValueError(f"release must be at most takeover, {self.takeover}, got {self.release}")
        return self


class _Person(Gate):
    """A person who watches; remembers whether it acts, and for how many steps it has wanted to."""

    takeover: float | Float[Array, ""]
    release: float | Float[Array, ""]
    reaction_time: int = eqx.field(static=True)

    def initial_state(self) -> _State:
        """Hands off."""
        return jnp.zeros((), bool), jnp.zeros((), jnp.int32)

    def __call__(self, state: _State, seen: Seen) -> tuple[_State, Bool[Array, ""]]:
        """Takes over after the reaction, and goes on until the policy is near again."""
        acting, waited = state
        waited = jnp.where(seen.deviation >= self.takeover, waited + 1, 0)
        acting = jnp.where(acting, seen.deviation > self.release, waited > self.reaction_time)
        return (acting, waited), acting


def interact(
    spec: HGDAgger,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Policy,
    *,
    key: PRNGKeyArray,
) -> Training[Interaction]:
    """Starts from a clone of the demonstrations.

    **Raises:** `DataError` where the policy can't be fitted to answers here and there, or spaces don't fit.
    """
    person = _Person(spec.takeover, spec.release, spec.reaction_time)
    kind = Kind(never, where_it_acted)
    return train_in_rounds(spec, kind, person, policy, env(), demos, expert, key=key, num_members=spec.num_members)
