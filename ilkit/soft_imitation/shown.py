"""Demonstrated steps that earn 1, beside one's own that earn 0, and what both say of the absorbing state."""

from dataclasses import replace
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.experience import Experience
from ilkit.matching.absorbing import demonstrated_share
from ilkit.off_policy.demonstrated_replay import DemonstratedReplay
from ilkit.soft_imitation.absorbed import Absorbed, absorbing_reward
from ilkit.soft_imitation.spec import SoftImitationSpec
from ilkit.stepping.records import Outcome


class Shown(NamedTuple):
    """The demonstrated steps, each with the reward 1."""

    steps: DemonstratedReplay
    share: Float[Array, ""] | None
    """The share of all demonstrated steps that were spent in the absorbing state; none where there is no such state."""

    @classmethod
    def of(cls, spec: SoftImitationSpec, demos: Demonstrations, max_steps: int) -> "Shown":
        """Demonstrations in an environment with this time limit.

        **Raises:** `DataError` where steps don't follow from each other.
        """
        ones = replace(demos, rewards=np.ones(demos.num_steps, np.float32))
        share = demonstrated_share(demos, max_steps) if spec.absorbing_states else None
        steps = DemonstratedReplay.of(ones, spec.discount)
        return cls(steps, None if share is None else jnp.asarray(share, jnp.float32))

    def absorbing(self, own: Absorbed, count: Int[Array, ""]) -> Float[Array, ""] | None:
        """The reward of a step in the absorbing state, once the buffer was given so many rows."""
        return None if self.share is None else absorbing_reward(self.share, own.share(count))


def unrewarded(obs: PyTree, actions: Array, outcome: Outcome) -> Experience:
    """One's own steps, which earn 0."""
    nothing, terminated = jnp.zeros_like(outcome.rewards), outcome.terminated.astype(jnp.float32)
    return Experience(obs, actions, nothing, outcome.next_obs, terminated)
