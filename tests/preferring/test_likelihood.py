"""The likelihood of a clip is that of its steps, and a memory runs along it."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.preferring.likelihood import Acts, log_probs

SPACES = Spaces(observation=Box.symmetric((1.0,)), action=Box.symmetric((1.0,)))


class Summing(Policy):
    """The log density of an action is itself times what was seen so far."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)
    remembers: bool = eqx.field(static=True)

    def initial_carry(self) -> PyTree:
        return jnp.zeros(()) if self.remembers else ()

    def mode(self, carry: PyTree, obs: Float[Array, " 1"]) -> tuple[PyTree, Array]:
        return carry, obs

    def log_prob(self, carry: PyTree, obs: Float[Array, " 1"], action: Array) -> tuple[PyTree, Float[Array, ""]]:
        if not self.remembers:
            return carry, obs[0] * action[0]
        return carry + obs[0], (carry + obs[0]) * action[0]


def test_steps_outside_of_a_clip_say_nothing_and_a_memory_runs_along_it() -> None:
    obs = jnp.asarray([[[1.0, 2.0, 3.0], [4.0, 7.0, 7.0]], [[0.5, 0.5, 0.5], [1.0, 1.0, 7.0]]])[..., None]
    mask = jnp.asarray([[[True, True, True], [True, False, False]], [[True, True, True], [True, True, False]]])
    acts = Acts(obs, 2.0 * jnp.ones_like(obs), mask)
    plain = log_probs(Summing(Normalizer.identity(1), SPACES, False), acts)
    np.testing.assert_allclose(plain, [[[2, 4, 6], [8, 0, 0]], [[1, 1, 1], [2, 2, 0]]])
    along = log_probs(Summing(Normalizer.identity(1), SPACES, True), acts)
    np.testing.assert_allclose(along, [[[2, 6, 12], [8, 0, 0]], [[1, 2, 3], [2, 4, 0]]])


def test_what_both_clips_saw_is_looked_at_once() -> None:
    obs = jnp.broadcast_to(jnp.asarray([1.0, 2.0, 3.0])[:, None, None], (2, 3, 1, 1))
    actions = jnp.asarray([[5.0, 7.0, 9.0], [2.0, 4.0, 6.0]])[..., None, None]
    acts = Acts(obs, actions, jnp.ones((2, 3, 1), bool).at[1, 2].set(False)).seen_once()
    policy = Summing(Normalizer.identity(1), SPACES, False)
    np.testing.assert_allclose(log_probs(policy, acts)[..., 0], [[5, 14, 27], [2, 8, 0]])
    np.testing.assert_allclose(log_probs(policy, acts.take(jnp.asarray([1])))[..., 0], [[14], [8]])
