"""Numbers without units, by the mean and the mean absolute deviation of what was recorded."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ilkit.data.normalizer import Untrained

_TINY = 1e-8


class Scale(Untrained):
    """x ↦ (x - mean) / deviation, entry by entry; 0 for an entry that doesn't vary, whose deviation is below 1e-8."""

    mean: Float[Array, " entries"]
    deviation: Float[Array, " entries"]
    """The mean absolute deviation; 0 where it is below 1e-8."""

    @classmethod
    def fit(cls, rows: Float[np.ndarray, "rows entries"]) -> "Scale":
        """The scale of recorded rows, found in double precision: an entry that is constant is seen to be so."""
        rows = rows.astype(np.float64)
        mean = rows.mean(axis=0)
        deviation = np.abs(rows - mean).mean(axis=0)
        kept = np.where(deviation < _TINY, 0.0, deviation)
        return cls(jnp.asarray(mean, jnp.float32), jnp.asarray(kept, jnp.float32))

    def scaled(self, values: Float[Array, "*batch entries"]) -> Float[Array, "*batch entries"]:
        """Values without units."""
        return self.ratio(values - self.mean)

    def ratio(self, differences: Float[Array, "*batch entries"]) -> Float[Array, "*batch entries"]:
        """Differences without units."""
        varies = self.deviation > 0.0
        return jnp.where(varies, differences / jnp.where(varies, self.deviation, 1.0), 0.0)

    def restored(self, scaled: Float[Array, "*batch entries"]) -> Float[Array, "*batch entries"]:
        """The values again; the mean for an entry that doesn't vary."""
        return self.mean + self.deviation * scaled
