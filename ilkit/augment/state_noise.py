"""Noisy observations with the label of the clean one: a smoothness prior, and cover around the demonstrated states.

o' = o + scale · σ ⊙ ε with ε ~ N(0, I) and σ the standard deviation of each entry over the demonstrations
(Bishop, 1995: training with noise is Tikhonov regularization).
"""

from dataclasses import replace
from typing import Literal

import jax
import numpy as np
from jaxtyping import PRNGKeyArray
from pydantic import NonNegativeFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.spec import Spec


class StateNoise(Spec):
    """Noisy copies of the observations, as far as they are real numbers, with the same label (Bishop, 1995)."""

    kind: Literal["state_noise"] = "state_noise"
    num_copies: PositiveInt = 1
    """How many noisy copies of every episode to append."""
    scale: NonNegativeFloat = 0.02
    """The standard deviation of the noise, relative to that of each entry of the observations."""

    @property
    def breaks_next_states(self) -> bool:
        """The noise of an observation is none of what the action before it led to."""
        return True


def augment(
    spec: StateNoise, env: Build[Environment | HostEnvironment], demos: Demonstrations, *, key: PRNGKeyArray
) -> Demonstrations:
    """Appends the copies."""
    del env
    generator = np.random.default_rng(np.random.SeedSequence(np.asarray(jax.random.key_data(key)).tolist()))

    def noisy(rows: np.ndarray) -> np.ndarray:
        if not np.issubdtype(rows.dtype, np.floating):
            return rows
        scale = (spec.scale * rows.std(axis=0)).astype(np.float32)
        return rows + scale * generator.standard_normal(rows.shape, np.float32)

    def copy() -> Demonstrations:
        return replace(demos, obs=jax.tree.map(noisy, demos.obs), follows=np.zeros(demos.num_episodes, bool))

    return concatenate([demos, *(copy() for _ in range(spec.num_copies))])
