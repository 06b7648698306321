"""SafeDAgger: the policy acts where that is safe, the expert acts and labels elsewhere.

A step is safe where ‖a - a*‖ < τ. Whoever can be asked at each step knows that (SafeDAgger*); a classifier of
observations, fitted to the answers of the rounds before, guesses it without asking (Zhang and Cho, Query-Efficient
Imitation Learning for End-to-End Simulated Driving, 2017); and the doubt of an ensemble stands for it without learning.
"""

from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from ilkit.data.aggregate import Aggregate, Interaction
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.interaction.classifier import Classifier
from ilkit.interaction.gate import Gate, Seen, never, where_it_acted
from ilkit.interaction.rounds import Kind, train_in_rounds
from ilkit.interaction.spec import GatedSpec
from ilkit.interaction.team import deviation


class SafeDAgger(GatedSpec):
    """The expert acts where the policy isn't safe, or isn't believed to be (Zhang and Cho, 2017)."""

    kind: Literal["safe_dagger"] = "safe_dagger"
    gate: Literal["deviation", "doubt", "classifier"] = "deviation"
    """By what a step is unsafe: the true deviation from the expert, the doubt of the ensemble, or what a classifier
    says of the observation."""
    largest_deviation: NonNegativeFloat = 0.5
    """τ: a step is unsafe where ‖a - a*‖ is this or more, in half ranges of the action space; for `doubt`, where the
    root of the trace of the ensemble's covariance is."""
    classifier_hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 64)
    """The hidden layers of the classifier."""

    @model_validator(mode="after")
    def _check_members(self) -> "SafeDAgger":
        if self.gate == "doubt" and self.num_members < 2:
            raise ValueError(f"gate: doubt needs num_members to be at least 2, got {self.num_members}")
        return self


class _Near(Gate):
    largest_deviation: float | Float[Array, ""]

    def __call__(self, state: PyTree, seen: Seen) -> tuple[PyTree, Bool[Array, ""]]:
        """Where the policy is too far off."""
        return state, seen.deviation >= self.largest_deviation


class _Sure(Gate):
    largest_doubt: float | Float[Array, ""]

    def __call__(self, state: PyTree, seen: Seen) -> tuple[PyTree, Bool[Array, ""]]:
        """Where the ensemble is too unsure."""
        return state, seen.doubt >= self.largest_doubt


class _Believed(Gate):
    """A classifier of what is unsafe, fitted to where the expert has answered."""

    spec: SafeDAgger
    classifier: Classifier

    def __call__(self, state: PyTree, seen: Seen) -> tuple[PyTree, Bool[Array, ""]]:
        """Where it says so."""
        return state, self.classifier(seen.obs) > 0.0

    def refitted(self, aggregate: Aggregate, policy: Policy, *, key: PRNGKeyArray) -> "_Believed":
        """Learns where the present policy is far from the answers."""
        rows, spec = aggregate.transitions, self.spec
        obs = rows.before()

        def apart(obs: PyTree, label: Array) -> Float[Array, ""]:
            return deviation(policy.spaces, policy.mode(policy.initial_carry(), obs)[1], label)

        unsafe = jax.vmap(apart)(obs, rows.actions) >= spec.largest_deviation
        classifier = self.classifier.fitted(
            obs,
            unsafe,
            aggregate.taught.astype(jnp.float32),
            policy.normalizer,
            batch_size=spec.batch_size,
            num_steps=spec.num_gradient_steps,
            learning_rate=spec.learning_rate,
            key=key,
        )
        return eqx.tree_at(lambda gate: gate.classifier, self, classifier)


def interact(
    spec: SafeDAgger,
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
    world = env()
    gate_key, key = jax.random.split(key) if spec.gate == "classifier" else (key, key)
    kind = Kind(never, where_it_acted)
    return train_in_rounds(
        spec, kind, _gate(spec, world, gate_key), policy, world, demos, expert, key=key, num_members=spec.num_members
    )


def _gate(spec: SafeDAgger, world: Environment | HostEnvironment, key: PRNGKeyArray) -> Gate:
    if spec.gate == "classifier":
        return _Believed(spec, Classifier.build(world.spaces.observation, spec.classifier_hidden, key=key))
    return _Near(spec.largest_deviation) if spec.gate == "deviation" else _Sure(spec.largest_deviation)
