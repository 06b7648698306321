"""What demonstrations visit, in an environment of tables."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.tabular import Tabular
from ilkit.errors import DataError
from ilkit.nn.state_table import StateTable


class Visits(NamedTuple):
    """Visits of an average episode."""

    acted: Float[Array, " states"]
    """How often it acts in each state."""
    first: Float[Array, " states"]
    """How often it starts there, of those whose first step counts; where none does, as the environment says."""
    left: Float[Array, "times states"]
    """How often it ends there after so many steps, from 0 to H; where it terminated, in the state that follows."""


def visits_of(demos: Demonstrations, tabular: Tabular, table: StateTable) -> Visits:
    """The visits of demonstrations; where these are weighted, as a sample of those of all their steps.

    **Raises:** `DataError` where an episode is longer than the time limit, or terminated where nothing ever does, or
    where something was observed that no state of the environment observes.
    """
    longest, num_states = int(demos.lengths.max()), len(tabular.initial)
    if longest > tabular.horizon:
        raise DataError(
            f"Demonstrations must not be longer than the time limit of the environment, {tabular.horizon} steps, got "
            f"one of {longest}. Raise max_steps of env, or cut them: rollout.episodes.max_steps."
        )
    if demos.terminated.any() and len(table.rows) == num_states:
        raise DataError(
            f"{demos.terminated.sum()} demonstrations terminated, and the environment terminates no episode. Record "
            "them in this environment."
        )
    weights = np.ones(demos.num_steps) if demos.weights is None else demos.weights.astype(np.float64)
    acted = np.bincount(table.numbers(demos.before()), weights, num_states) * (demos.num_steps / weights.sum())
    begun = demos.starts[weights[demos.starts] > 0]
    started = np.bincount(table.numbers(demos.before(begun)), minlength=num_states) / max(len(begun), 1)
    first = started if len(begun) else np.asarray(tabular.initial, np.float64)
    ended = np.where(demos.terminated, num_states - 1, table.numbers(demos.after(demos.stops - 1)))
    left = np.zeros((tabular.horizon + 1, num_states))
    np.add.at(left, (demos.lengths, ended), 1.0)
    return Visits(
        *(jnp.asarray(found, jnp.float32) for found in (acted / demos.num_episodes, first, left / demos.num_episodes))
    )
