"""DAgger: the policy acts, the expert says at each state what it would have done, and all answers are learnt from.

In round i the expert acts with probability β_i at each step, and the policy else; the label is the expert's whoever
acted (Ross, Gordon and Bagnell, A Reduction of Imitation Learning and Structured Prediction to No-Regret Online
Learning, 2011).
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from pydantic import Field, PositiveInt

from ilkit.data.aggregate import Aggregate, Interaction
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.interaction.gate import Open
from ilkit.interaction.rounds import Kind, train_in_rounds
from ilkit.interaction.spec import RoundsSpec, sparse_faults


class DAgger(RoundsSpec):
    """The policy acts and the expert labels what it visits (Ross et al., 2011)."""

    kind: Literal["dagger"] = "dagger"
    schedule: Literal["first", "exponential", "linear", "constant"] = "first"
    """β: 1 in the first round and 0 after (`first`); decay^i (`exponential`); falling from 1 to 0 over
    `ramp_rounds` (`linear`); or always `decay` (`constant`: at 1 this is behavior cloning, round by round)."""
    decay: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The base of an exponential schedule, the value of a constant one."""
    ramp_rounds: PositiveInt = 5
    """The rounds over which a linear schedule falls to 0."""
    label_every: PositiveInt = 1
    """The expert is asked at every so many-th step."""

    def idle(self) -> dict[str, str]:
        """The settings of other schedules."""
        found = {} if self.schedule in ("exponential", "constant") else {"decay": "schedule is exponential or constant"}
        return found if self.schedule == "linear" else {**found, "ramp_rounds": "schedule is linear"}

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """Asking less often than once a round."""
        steps = self.rollout_length or world.max_steps
        if self.label_every > steps:
            yield f"label_every: must be at most the steps of a round, {steps}, got {self.label_every}."

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy that is fitted to several steps at once, where not all are labeled."""
        del parts
        return sparse_faults(policy) if self.label_every > 1 else ()


def interact(
    spec: DAgger,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Policy,
    cloned: Policy | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Interaction]:
    """Goes on from the clone, or from one that it makes of the demonstrations.

    **Raises:** `DataError` where the policy can't be fitted to answers here and there, or spaces don't fit.
    """
    kind = Kind(Partial(_share, spec), Partial(_asked, spec))
    return train_in_rounds(spec, kind, Open(), policy, env(), demos, expert, cloned, key=key)


def _share(spec: DAgger, number: Int[Array, ""]) -> Float[Array, ""]:
    """β of a round."""
    index = number.astype(jnp.float32)
    if spec.schedule == "first":
        return (number == 0).astype(jnp.float32)
    if spec.schedule == "exponential":
        return jnp.where(number == 0, 1.0, jnp.asarray(spec.decay) ** index)
    if spec.schedule == "linear":
        return jnp.maximum(1.0 - index / spec.ramp_rounds, 0.0)
    return jnp.asarray(spec.decay, jnp.float32)


def _asked(spec: DAgger, aggregate: Aggregate, drove: Bool[Array, "time envs"]) -> Bool[Array, "time envs"]:
    del aggregate
    steps = jnp.arange(len(drove)) % spec.label_every == 0
    return jnp.broadcast_to(steps[:, None], drove.shape)
