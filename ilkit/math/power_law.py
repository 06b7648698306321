"""Power laws: y ∝ xᵏ is a line of slope k on logarithmic axes."""

import numpy as np
from jaxtyping import Float, Real


def exponent(x: Real[np.ndarray, " points"], y: Float[np.ndarray, "*batch points"]) -> Float[np.ndarray, "*batch"]:
    """The slope of the least-squares line through (log x, log y); NaN where some y is not positive."""
    positive = np.asarray((y > 0).all(axis=-1))
    logs = np.log(np.where(positive[..., None], y, 1.0))
    centered = np.log(x) - np.log(x).mean()
    return np.where(positive, logs @ centered / (centered @ centered), np.nan)
