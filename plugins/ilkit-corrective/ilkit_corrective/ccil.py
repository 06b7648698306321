"""Corrective labels with learnt dynamics that are locally Lipschitz (Ke et al., CCIL, 2024).

A model f of s' = s + f(s, a) is fitted to the demonstrations under a constraint on how fast it changes. Its labels,
found in closed form (`labels.py`), are kept where the model can be trusted: where it predicts the demonstrated step
itself well enough, and ‖s^G - s*‖ is below a bound, both in units of mean absolute deviations.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.spaces import Box, Spaces, described
from ilkit.data.windows import Transitions
from ilkit.errors import DataError, refuse
from ilkit_corrective.dynamics import ResidualDynamics
from ilkit_corrective.labels import Goals, Labels, Lead, backward_euler, goals, joined, select
from ilkit_corrective.learning import DynamicsSpec, learn_dynamics


class CCIL(DynamicsSpec):
    """Labels that lead back to the data by dynamics that are learnt from them (Ke et al., CCIL, 2024)."""

    kind: Literal["ccil"] = "ccil"
    label: Lead = "back_track"
    """By the demonstrated action to its own state (`back_track`), or by a disturbed one to the state after it."""
    num_labels: Annotated[int, Field(ge=0, le=1000)] = 1
    """Labels of each demonstrated step; 0 leaves the demonstrations as they are."""
    action_noise: NonNegativeFloat = 0.1
    """δ of `disturbed_action`, relative to the standard deviation of each entry of the actions."""
    max_distance: NonNegativeFloat = 4.0
    """ε: a label further than this from the demonstrated state is left out; in mean absolute deviations."""
    max_error: PositiveFloat = 0.5
    """No label is made of a step that the model misses by more: root mean square, relative to how changes vary."""
    balanced: bool = True
    """Whether the episodes are repeated, num_labels times, so that labels don't outweigh them."""

    @model_validator(mode="after")
    def _check_labels(self) -> "CCIL":
        if self.label == "back_track" and self.num_labels > 1:
            raise ValueError(f"num_labels must be 0 or 1 where label is back_track, got {self.num_labels}")
        return self

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """Spaces that no differentiable dynamics map to each other."""
        yield from _space_faults(world.spaces)


class Correction(NamedTuple):
    """What a call has learnt and made, for looking at it."""

    dynamics: ResidualDynamics
    labels: list[Labels]
    errors: Float[np.ndarray, " steps"]
    """Of the model on each demonstrated step."""
    distances: Float[np.ndarray, "labels steps"]
    """‖s^G - s*‖ of all labels, those that were left out too."""


class _Found(NamedTuple):
    obs: Float[Array, "capacity obs"]
    goals: Goals
    distances: Float[Array, " capacity"]
    errors: Float[Array, " capacity"]


def augment(
    spec: CCIL, env: Build[Environment | HostEnvironment], demos: Demonstrations, *, key: PRNGKeyArray
) -> Demonstrations:
    """Appends the labels, as episodes of one step.

    **Raises:** `DataError` where the spaces aren't vectors of real numbers, observations never change, or the model can
    be trusted nowhere; `NonFiniteError` where it diverges.
    """
    del env
    if spec.num_labels == 0 or spec.max_distance == 0.0:
        return demos
    correction = correct(spec, demos, key=key)
    if not any(len(one.obs) for one in correction.labels):
        error, distance = correction.errors.min(), correction.distances.min()
        raise DataError(
            f"augment.ccil found no label that can be trusted: the model misses a step by {error:.3g} at least "
            f"(max_error {spec.max_error:.3g}), and labels lie {distance:.3g} from the data at least "
            f"(max_distance {spec.max_distance:.3g}). Train longer, with a larger lipschitz, or raise these."
        )
    return joined(demos, correction.labels, spec.num_labels if spec.balanced else 1)


def correct(spec: CCIL, demos: Demonstrations, *, key: PRNGKeyArray) -> Correction:
    """Learns the dynamics and makes the labels.

    **Raises:** what `augment` raises, but for where no label is left.
    """
    refuse("augment.ccil", _space_faults(demos.spaces))
    demos.check_equal_weights("Labeling")
    dynamics_key, labels_key = jax.random.split(key)
    dynamics = learn_dynamics(spec, demos, key=dynamics_key)
    transitions, count = demos.transitions(), demos.num_steps
    noise = jnp.asarray(spec.action_noise, jnp.float32)
    found = [
        _find(dynamics, transitions, spec.label, noise, demos.spaces, one)
        for one in jax.random.split(labels_key, spec.num_labels)
    ]
    kept = [transitions.counted & (one.distances < spec.max_distance) & (one.errors <= spec.max_error) for one in found]
    return Correction(
        dynamics,
        [select(one.obs, one.goals, chosen) for one, chosen in zip(found, kept, strict=True)],
        np.asarray(found[0].errors)[:count],
        np.stack([np.asarray(one.distances)[:count] for one in found]),
    )


@eqx.filter_jit
def _find(
    dynamics: ResidualDynamics,
    transitions: Transitions,
    lead: Lead,
    noise: Float[Array, ""],
    spaces: Spaces,
    key: PRNGKeyArray,
) -> _Found:
    wanted = goals(transitions, lead, noise, spaces.action, key=key)
    obs = backward_euler(dynamics, wanted.targets, wanted.actions)
    before = transitions.before()
    distances = jnp.linalg.norm(dynamics.obs.ratio(obs - before), axis=-1)
    errors = dynamics.error(before, transitions.actions, transitions.after())
    return _Found(obs, wanted, distances, errors)


def _space_faults(spaces: Spaces) -> Iterator[str]:
    for name, space in (("observations", spaces.observation), ("actions", spaces.action)):
        if not (isinstance(space, Box) and space.is_floating and len(space.shape) == 1):
            yield (
                f"label: dynamics are learnt of {name} that are vectors of real numbers, got {described(space)}. "
                "Choose another env.kind or augment.kind."
            )
