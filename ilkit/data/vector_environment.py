"""Environments whose states are vectors."""

import equinox as eqx

from ilkit.data.environment import Environment
from ilkit.data.spaces import Box, Spaces


class VectorEnvironment(Environment):
    """A pure-JAX environment that says what the entries of its states are, as `VectorState` asks for."""

    spaces: Spaces = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)
    state_names: tuple[str, ...] = eqx.field(static=True)
    """What the entries of the state vector are, with units."""
    state_box: Box = eqx.field(static=True)
    """The finite range of state vectors to draw random states from and to draw maps over."""
