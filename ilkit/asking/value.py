"""What recorded behavior earns from a state on, by least squares (Bradtke and Barto, 1996, LSTD).

V(s) = wᵀ φ(s) with random cosines φ of several widths (Rahimi and Recht, 2007), and w solves

    Σ φ(s) (φ(s) - γ φ(s'))ᵀ w = Σ φ(s) r,

with φ(s') = 0 after a termination, so that an episode that was only cut tells nothing wrong.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ilkit.asking.features import flat, units_of
from ilkit.data.normalizer import Normalizer
from ilkit.data.preferences import Clips

_NUM_COSINES = 128
_RIDGE = 1e-4


class Value(eqx.Module):
    """V(s) of whoever was recorded."""

    units: Normalizer
    directions: Float[Array, "entries cosines"]
    phases: Float[Array, " cosines"]
    weights: Float[Array, " features"]
    discount: Float[Array, ""]

    @classmethod
    def fit(cls, episodes: Clips, discount: Float[Array, ""]) -> "Value":
        """Fits all steps of these episodes."""
        entries, mask = flat(episodes.obs), episodes.mask
        directions_key, width_key, phases_key = jax.random.split(jax.random.key(0), 3)
        widths = 10.0 ** jax.random.uniform(width_key, (_NUM_COSINES,), minval=-1.0, maxval=0.7)
        drawn = jax.random.normal(directions_key, (entries.shape[-1], _NUM_COSINES))
        phases = 2 * jnp.pi * jax.random.uniform(phases_key, (_NUM_COSINES,))
        size = jnp.sqrt(entries.shape[-1])
        empty = cls(units_of(entries, mask), drawn * widths / size, phases, jnp.zeros(_NUM_COSINES + 1), discount)
        before = empty._features(episodes.obs) * mask[..., None]
        after = empty._features(episodes.next_obs) * (mask & ~episodes.terminated)[..., None]
        rewards = jnp.where(mask, episodes.rewards, 0.0)
        count = jnp.maximum(jnp.sum(mask), 1)
        left = jnp.einsum("ctf,ctg->fg", before, before - discount * after) / count
        right = jnp.einsum("ctf,ct->f", before, rewards) / count
        weights = jnp.linalg.solve(left + _RIDGE * jnp.eye(len(right)), right)
        return eqx.tree_at(lambda value: value.weights, empty, weights)

    def advantages(self, clips: Clips) -> Clips:
        """The same clips, with r + γ V(s') - V(s) in place of their rewards."""
        after = jnp.where(clips.terminated, 0.0, self.of(clips.next_obs))
        return clips._replace(rewards=clips.rewards + self.discount * after - self.of(clips.obs))

    def of(self, obs: PyTree) -> Float[Array, "clips time"]:
        """V of observations."""
        return self._features(obs) @ self.weights

    def _features(self, obs: PyTree) -> Float[Array, "clips time features"]:
        cosines = jnp.cos(self.units(flat(obs)) @ self.directions + self.phases)
        return jnp.concatenate([cosines, jnp.ones((*cosines.shape[:2], 1))], axis=-1)
