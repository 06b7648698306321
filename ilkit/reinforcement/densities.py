"""Densities of explored actions: what lacks one, and the floor that keeps one finite."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.nn.action_units import ActionUnits
from ilkit.stepping.behavior import Behavior, smoothness_faults


def density_faults(policy: Policy, exploration: Build[Behavior]) -> tuple[str, ...]:
    """What the exploration lacks, as far as it can be told without an uncertainty."""
    try:
        behavior = exploration(policy.spaces)
    except DataError:
        return smoothness_faults(policy)  # it adds noise to the mode, by what is only known when the stage runs
    try:
        behavior.with_density(policy, jnp.zeros(0))
    except DataError as error:
        return (f"policy: {error}",)
    return ()


def density_floor(noise_floor: float, spaces: Spaces) -> Float[Array, " act"]:
    """A floor in half ranges, in units of the action space; of no entries where actions are discrete."""
    if not isinstance(spaces.action, Box):
        return jnp.zeros(0)
    return jnp.asarray(noise_floor * ActionUnits.of(spaces.action).half_range)
