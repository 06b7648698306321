"""Corrective labels with known dynamics: the environment itself says which states an action leads back from.

A label is a state s^G from which the action leads exactly to a demonstrated state, step(s^G, a) = target (`labels.py`).
s^G is found by Gauss-Newton steps in the state x of the environment, from the demonstrated state on:

    x ← x - J⁺ (observe(step(x, a)) - target),    J the Jacobian by x,

and kept where the environment confirms it: executed, the label lands on its target to a tolerance. Labels are made only
of steps that the environment repeats, so that neither other constants than those of the recording nor randomness of its
own go unnoticed; at least half of them have to be such.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, PRNGKeyArray, Shaped
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment, Invertible
from ilkit.data.spaces import Box, described
from ilkit.data.windows import Transitions
from ilkit.errors import DataError, refuse
from ilkit.spec import Spec
from ilkit_corrective.labels import Goals, Labels, Lead, goals, joined, select
from ilkit_corrective.scale import Scale


class Corrective(Spec):
    """Labels that lead back to the data by the dynamics of the environment itself (Ke et al., CCIL, 2024)."""

    kind: Literal["corrective"] = "corrective"
    label: Lead = "disturbed_action"
    """By a disturbed action to the state after it, or by the demonstrated one to its own state (`back_track`)."""
    num_labels: Annotated[int, Field(ge=0, le=1000)] = 1
    """Labels of each demonstrated step; 0 leaves the demonstrations as they are."""
    action_noise: NonNegativeFloat = 0.5
    """δ of `disturbed_action`, relative to the standard deviation of each entry of the actions."""
    max_distance: NonNegativeFloat = 4.0
    """ε: a label further than this from the demonstrated state is left out; in mean absolute deviations."""
    tolerance: PositiveFloat = 1e-4
    """How far from its target a label may land when it is executed, in units of the observations."""
    num_iterations: PositiveInt = 20
    """Gauss-Newton steps."""
    balanced: bool = True
    """Whether the episodes are repeated, num_labels times, so that labels don't outweigh them."""

    @model_validator(mode="after")
    def _check_labels(self) -> "Corrective":
        if self.label == "back_track" and self.num_labels > 1:
            raise ValueError(f"num_labels must be 0 or 1 where label is back_track, got {self.num_labels}")
        return self

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """An environment that can't be set to a state, or spaces without derivatives."""
        if not (isinstance(world, Environment) and isinstance(world, Invertible)):
            yield (
                "label: the environment must be compiled and one that an observation sets the state of, got "
                f"{type(world).__name__}. Choose augment.kind ccil, which learns the dynamics."
            )
            return
        observation, action = world.spaces.observation, world.spaces.action
        if not (isinstance(observation, Box) and observation.is_floating and len(observation.shape) == 1):
            yield f"label: needs observations that are vectors of real numbers, got {described(observation)}."
        if self.label == "disturbed_action" and not isinstance(action, Box):
            yield f"label: disturbed_action needs a continuous action, got {described(action)}. Choose back_track."


class _Found(NamedTuple):
    obs: Float[Array, "capacity obs"]
    goals: Goals
    missed: Float[Array, " capacity"]
    """How far from its target each label lands."""
    repeated: Bool[Array, " capacity"]
    """Whether the environment repeats the demonstrated step."""


def augment(
    spec: Corrective, env: Build[Environment | HostEnvironment], demos: Demonstrations, *, key: PRNGKeyArray
) -> Demonstrations:
    """Appends the labels, as episodes of one step.

    **Raises:** `DataError` where the environment can't be set to a state, doesn't repeat what was demonstrated, or no
    label is found.
    """
    if spec.num_labels == 0 or spec.max_distance == 0.0:
        return demos
    demos.check_equal_weights("Labeling")
    world = env()
    refuse("augment.corrective", spec.faults(world))
    scale, transitions = Scale.fit(demos.before()[demos.counted]), demos.transitions()
    noise, iterations = jnp.asarray(spec.action_noise, jnp.float32), spec.num_iterations
    labels = []
    for label_key in jax.random.split(key, spec.num_labels):
        found = _find(world, transitions, spec.label, noise, iterations, spec.tolerance, label_key)
        labels.append(_kept(spec, found, transitions, scale))
    if not any(len(one.obs) for one in labels):
        raise DataError(
            f"augment.corrective found no label from which the environment lands within {spec.tolerance:.3g} of the "
            f"demonstrated state and that lies within {spec.max_distance:.3g} of it. Raise max_distance or tolerance, "
            "or choose augment.kind ccil."
        )
    return joined(demos, labels, spec.num_labels if spec.balanced else 1)


def _kept(spec: Corrective, found: _Found, transitions: Transitions, scale: Scale) -> Labels:
    repeated, count = found.repeated & transitions.valid, int(transitions.count)
    if 2 * int(repeated.sum()) < count:
        raise DataError(
            f"The environment must repeat what was demonstrated, but only {int(repeated.sum()):,} of {count:,} steps "
            f"land within {spec.tolerance:.3g} of what was recorded. Give env the settings of the recording, record "
            "without noise, or choose augment.kind ccil, which learns the dynamics."
        )
    distances = jnp.linalg.norm(scale.ratio(found.obs - transitions.before()), axis=-1)
    kept = repeated & transitions.counted
    return select(found.obs, found.goals, kept & (distances < spec.max_distance) & (found.missed <= spec.tolerance))


@eqx.filter_jit
def _find(
    world: Environment,
    transitions: Transitions,
    lead: Lead,
    noise: Float[Array, ""],
    num_iterations: int,
    tolerance: float,
    key: PRNGKeyArray,
) -> _Found:
    space = world.spaces.action
    wanted = goals(transitions, lead, noise, space, key=key)
    before = transitions.before()
    obs, missed = jax.vmap(lambda *row: _lead_back(world, num_iterations, *row))(before, *wanted)
    after = jax.vmap(lambda obs, action: _executed(world, obs, action))(before, transitions.actions)
    repeated = jnp.max(jnp.abs(after - transitions.after()), axis=-1) <= tolerance
    return _Found(obs, wanted, missed, repeated)


def _lead_back(
    world: Environment,
    num_iterations: int,
    start: Float[Array, " obs"],
    action: Shaped[Array, "..."],
    target: Float[Array, " obs"],
) -> tuple[Float[Array, " obs"], Float[Array, ""]]:
    """The state from which the action leads to the target, as it is observed, and how far it misses the target."""
    assert isinstance(world, Invertible)
    found, restored = ravel_pytree(world.state_of(start))

    def missed(state: Float[Array, " state"]) -> Float[Array, " obs"]:
        return _reached(world, restored(state), action) - target

    def improve(_: Array, state: Float[Array, " state"]) -> Float[Array, " state"]:
        return state - jnp.linalg.lstsq(jax.jacfwd(missed)(state), missed(state))[0]

    obs = world.observe(restored(jax.lax.fori_loop(0, num_iterations, improve, found)))
    return obs, jnp.max(jnp.abs(_executed(world, obs, action) - target))


def _executed(world: Environment, obs: Float[Array, " obs"], action: Shaped[Array, "..."]) -> Float[Array, " obs"]:
    assert isinstance(world, Invertible)
    return _reached(world, world.state_of(obs), action)


def _reached(world: Environment, state: Float[Array, "..."], action: Shaped[Array, "..."]) -> Float[Array, " obs"]:
    return world.observe(world.step(state, action, key=jax.random.key(0))[0])
