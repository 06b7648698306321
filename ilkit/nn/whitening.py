"""Units in which actions have mean 0 and no entry depends on another one, as far as their covariance tells."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.normalizer import Untrained
from ilkit.data.windows import Transitions
from ilkit.nn.action_units import ActionUnits

_NOISE = 0.01
"""The standard deviation of what is added to every entry, in units of half the range: it leaves none constant."""


class Whitening(Untrained):
    """x + .01 n = m + L w with n ~ N(0, I), so that w has mean 0 and covariance I over what was demonstrated.

    x is in units of half the range of the demonstrations. Before it is fitted, m = 0 and L = I.
    """

    mean: Float[Array, " act"]
    factor: Float[Array, "act act"]
    inverse: Float[Array, "act act"]

    @classmethod
    def identity(cls, size: int) -> "Whitening":
        """The units in which x is w."""
        return cls(jnp.zeros(size), jnp.eye(size), jnp.eye(size))

    @classmethod
    def fit(cls, units: ActionUnits, transitions: Transitions) -> "Whitening":
        """The units of the rows that count."""
        actions = transitions.actions if transitions.joint_actions is None else transitions.joint_actions
        rows, size = units.raw(actions), actions.shape[-1]
        weights = transitions.counted[:, None] / transitions.num_counted
        mean = jnp.sum(weights * rows, axis=0)
        centered = jnp.sqrt(weights) * (rows - mean)
        factor = jnp.linalg.cholesky(centered.T @ centered + _NOISE**2 * jnp.eye(size))
        return cls(mean, factor, jax.scipy.linalg.solve_triangular(factor, jnp.eye(size), lower=True))

    def white(self, colored: Float[Array, " act"], *, key: PRNGKeyArray) -> Float[Array, " act"]:
        """A w of x."""
        noisy = colored + _NOISE * jax.random.normal(key, colored.shape)
        return jnp.asarray(self.inverse @ (noisy - self.mean))

    def colored(self, white: Float[Array, " act"]) -> Float[Array, " act"]:
        """What w stands for."""
        return jnp.asarray(self.mean + self.factor @ white)
