"""The policy that knows nothing: the lower reference of every score."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, MultiDiscrete, Spaces


class RandomPolicy(Policy):
    """Draws actions uniformly from the action space; standard normal where an entry has no limits."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    @classmethod
    def of(cls, spaces: Spaces) -> "RandomPolicy":
        """The random policy of these spaces."""
        return cls(normalizer=Normalizer.identity(spaces.observation), spaces=spaces)

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """The same action everywhere: a uniform distribution has no mode."""
        return self.sample(carry, obs, key=jax.random.key(0))

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """Draws an action, whatever the observation."""
        del obs
        space = self.spaces.action
        if not isinstance(space, Box):
            return carry, any_choice(space, key=key)
        low, high = np.asarray(space.bounds, np.float32)
        limited = np.isfinite(low) & np.isfinite(high)
        uniform = jax.random.uniform(
            key, space.shape, minval=np.where(limited, low, 0.0), maxval=np.where(limited, high, 1.0)
        )
        return carry, jnp.where(limited, uniform, jax.random.normal(key, space.shape))


def any_choice(space: Discrete | MultiDiscrete, *, key: PRNGKeyArray) -> Int[Array, "*entries"]:
    """Draws one of the choices, or one for each entry."""
    if isinstance(space, Discrete):
        return jax.random.randint(key, (), space.start, space.start + space.size, space.dtype)
    return jax.random.randint(key, space.shape, 0, jnp.asarray(space.sizes), space.dtype)
