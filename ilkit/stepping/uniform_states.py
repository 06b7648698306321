"""Initial states that are spread over the state space."""

from typing import Annotated

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from pydantic import Field

from ilkit.data.environment import Environment, HostEnvironment, VectorState
from ilkit.errors import DataError

Vector = Annotated[tuple[float, ...], Field(min_length=1)]
"""One end of a range of states."""


def uniform_states(
    env: Environment | HostEnvironment,
    low: tuple[float, ...] | None,
    high: tuple[float, ...] | None,
    episodes: range,
    *,
    key: PRNGKeyArray,
) -> Float[np.ndarray, "episodes state"]:
    """One state an episode between both ends, drawn from the key and the number of the episode alone.

    An end that isn't given is that of the environment's `state_box`.

    **Raises:** `DataError` where the states of the environment aren't vectors, or an end isn't one of them.
    """
    if not isinstance(env, VectorState):
        raise DataError(
            "Uniform initial states need an environment whose states are vectors. Choose initial_states: reset."
        )
    lowest, highest = np.asarray(low or env.state_box.low), np.asarray(high or env.state_box.high)
    if not lowest.size == highest.size == env.state_box.size:
        raise DataError(
            f"initial_low and initial_high must have {env.state_box.size} entries, one for each of "
            f"{', '.join(env.state_names)}; got {lowest.size} and {highest.size}."
        )
    if (lowest > highest).any():
        raise DataError(f"initial_low must nowhere exceed initial_high, got {lowest.tolist()} and {highest.tolist()}.")
    entropy = np.asarray(jax.random.key_data(key)).tolist()
    generators = [np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(i, 0))) for i in episodes]
    return np.stack([generator.uniform(lowest, highest) for generator in generators])
