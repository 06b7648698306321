"""Demonstrations as a share of the batches that an off-policy learner draws (Ball et al., 2023)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.experience import Experience
from ilkit.off_policy.replay import ReplayBuffer


class DemonstratedReplay(eqx.Module):
    """All steps of demonstrations that count, in a buffer that nothing is added to."""

    buffer: ReplayBuffer
    returns: Float[Array, " capacity"]
    """Σ γᵏ r of each step and those after it in its episode."""

    @classmethod
    def of(cls, demos: Demonstrations, discount: Float[Array, ""] | float) -> "DemonstratedReplay":
        """The steps, padded to a power of two, so that another episode compiles nothing anew.

        **Raises:** `DataError` where they don't follow from each other.
        """
        steps, last = demos.experience(), demos.at_last_step(np.ones(demos.num_episodes, bool))
        capacity = _padded(demos.num_counted)
        buffer = ReplayBuffer.empty(capacity, demos.spaces).add(steps)
        padding = (0, _padded(len(last)) - len(last))
        rewards, last = np.pad(demos.rewards, padding), np.pad(last, padding, constant_values=True)
        returns = _returns_to_go(jnp.asarray(rewards), jnp.asarray(last), discount)
        if demos.weights is not None:  # what a step that doesn't count earned is still part of those before it
            counted = returns[np.flatnonzero(demos.counted)]
            returns = jnp.pad(counted, (0, capacity - len(counted)))
        return cls(buffer, returns)

    def draw(self, shape: tuple[int, ...], *, key: PRNGKeyArray) -> tuple[Experience, Float[Array, "..."]]:
        """Draws steps and their returns uniformly with replacement."""
        places = self.buffer.places(shape, key=key)
        return self.buffer.at(places), self.returns[places]


def draw_mixed(
    buffer: ReplayBuffer, demos: DemonstratedReplay | None, shape: tuple[int, ...], share: int, *, key: PRNGKeyArray
) -> tuple[Experience, Float[Array, "*updates share"] | None]:
    """Batches, along the last axis of `shape`, in which `share` rows are demonstrations; and the returns of these."""
    if demos is None or not share:
        return buffer.draw(shape, key=key), None
    *lead, size = shape
    demo_key, own_key = jax.random.split(key)
    shown, returns = demos.draw((*lead, share), key=demo_key)
    own = buffer.draw((*lead, size - share), key=own_key)
    axis, order = len(lead), np.argsort(np.concatenate(places_of(size, share)))
    mixed = jax.tree.map(lambda *rows: jnp.take(jnp.concatenate(rows, axis), order, axis), shown, own)
    return mixed, returns


def places_of(size: int, share: int) -> tuple[Int[np.ndarray, " share"], Int[np.ndarray, " rest"]]:
    """Where in a batch of this size the demonstrations are, evenly spread, and where all else is."""
    shown = np.arange(share) * size // max(share, 1)
    return shown, np.setdiff1d(np.arange(size), shown)


def _padded(count: int) -> int:
    return 1 << (count - 1).bit_length()


@jax.jit
def _returns_to_go(
    rewards: Float[Array, " steps"], last: Bool[Array, " steps"], discount: Float[Array, ""] | float
) -> Float[Array, " steps"]:
    def step(later: Float[Array, ""], now: tuple[Array, Array]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        reward, ends = now
        value = reward + jnp.where(ends, 0.0, discount * later)
        return value, value

    return jax.lax.scan(step, jnp.zeros(()), (rewards, last), reverse=True)[1]
