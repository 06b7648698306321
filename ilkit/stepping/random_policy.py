"""The policy that knows nothing: the lower reference of every score."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Discrete, Spaces


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
        if isinstance(space, Discrete):
            return carry, jax.random.randint(key, space.shape, space.start, space.start + space.size, space.dtype)
        low, high = np.asarray(space.bounds, np.float32)
        limited = np.isfinite(low) & np.isfinite(high)
        uniform = jax.random.uniform(
            key, space.shape, minval=np.where(limited, low, 0.0), maxval=np.where(limited, high, 1.0)
        )
        return carry, jnp.where(limited, uniform, jax.random.normal(key, space.shape))
