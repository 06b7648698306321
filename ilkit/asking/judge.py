"""A simulated person who tells clips apart by what they return (Lee et al., 2021, B-Pref)."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ilkit.data.labeler import Answers, pair_keys
from ilkit.data.preferences import Clips


class Judge(eqx.Module):
    """Says that the first clip is better with probability σ(β (z₁ - z₂)), for clips of the standardized scores z."""

    rationality: Float[Array, ""] | None
    """β; None follows the scores exactly."""
    mistake: Float[Array, ""]
    """How often the opposite of what is meant is said."""
    tie_margin: Float[Array, ""]
    """Up to this difference of standardized scores, both clips are liked alike."""
    skip_margin: Float[Array, ""] | None
    """Where both standardized scores are below this, nothing is said; None says something always."""

    @classmethod
    def of(cls, rationality: float | None, mistake: float, tie_margin: float, skip_margin: float | None) -> "Judge":
        """The judge with these settings."""
        beta, skip = (None if one is None else jnp.asarray(one, jnp.float32) for one in (rationality, skip_margin))
        return cls(beta, jnp.asarray(mistake, jnp.float32), jnp.asarray(tie_margin, jnp.float32), skip)

    def __call__(
        self,
        first: Float[Array, " pairs"],
        second: Float[Array, " pairs"],
        scale: "Scale",
        numbers: Int[Array, " pairs"],
        *,
        key: PRNGKeyArray,
    ) -> Answers:
        """Judges by the scores of the clips of each pair, which are not yet standardized.

        They are compared before they are, so that rounding makes no tie of two that differ, nor parts equal ones.
        """
        uniform = jax.vmap(lambda key: jax.random.uniform(key, (2,)))(pair_keys(numbers, key=key))
        gap = (first - second) / scale.std
        meant = gap > 0 if self.rationality is None else uniform[:, 0] < jax.nn.sigmoid(self.rationality * gap)
        said = meant ^ (uniform[:, 1] < self.mistake)
        probability = jnp.where(jnp.abs(gap) <= self.tie_margin, 0.5, said.astype(jnp.float32))
        if self.skip_margin is None:
            return Answers(probability, jnp.ones(probability.shape, bool))
        return Answers(probability, scale(jnp.maximum(first, second)) >= self.skip_margin)


class Scale(eqx.Module):
    """The units in which scores have mean 0 and standard deviation 1 over the clips that may be shown."""

    mean: Float[Array, ""]
    std: Float[Array, ""]

    @classmethod
    def identity(cls) -> "Scale":
        """The units of the scores themselves."""
        return cls(jnp.zeros(()), jnp.ones(()))

    @classmethod
    def fit(cls, scores: Float[Array, " clips"], valid: Bool[Array, " clips"]) -> "Scale":
        """The units of the valid scores; those of the scores themselves where all are equal."""
        count = jnp.maximum(jnp.sum(valid), 1)
        mean = jnp.sum(jnp.where(valid, scores, 0.0)) / count
        std = jnp.sqrt(jnp.sum(jnp.where(valid, (scores - mean) ** 2, 0.0)) / count)
        return cls(mean, jnp.where(std > 1e-6 * (1.0 + jnp.abs(mean)), std, 1.0))

    def __call__(self, scores: Float[Array, " clips"]) -> Float[Array, " clips"]:
        """Scores in these units: z = (score - mean) / std."""
        return (scores - self.mean) / self.std


def returns_of(clips: Clips, myopia: Float[Array, ""] | float = 1.0) -> Float[Array, " clips"]:
    """Σ_t γ^(T - 1 - t) r_t of each clip, in whose end later rewards count more than earlier ones; γ = 1 is the return.

    Summed step by step, so that padding changes no bit.
    """

    def add(total: Float[Array, " clips"], step: tuple[Array, Array]) -> tuple[Float[Array, " clips"], None]:
        reward, there = step
        return jnp.where(there, myopia * total + jnp.where(there, reward, 0.0), total), None

    start = jnp.zeros(clips.rewards.shape[0])
    return jax.lax.scan(add, start, (clips.rewards.T, clips.mask.T))[0]
