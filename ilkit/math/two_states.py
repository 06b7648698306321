"""A chain of two states, on and off: what it costs to have left the way, and what coming back saves.

With p = P(on → off) and q = P(off → on), from on, P(off after t steps) = p / (p + q) · (1 - (1 - p - q)ᵗ). Summed over
t = 1 … T it is the expected number of steps in off,

    J(T) = p / (p + q) · (T - r (1 - rᵀ) / (1 - r)),    r = 1 - p - q.

Where nothing leads back, q = 0, and errors happen with probability ε, p = ε, this is Σ (1 - (1 - ε)ᵗ) ≈ ε T² / 2: the
quadratic cost of a clone (Ross and Bagnell, Efficient Reductions for Imitation Learning, 2010). Where a policy comes
back at once but for the same errors, q = 1 - ε, it is ε T: the linear cost of DAgger (Ross, Gordon and Bagnell, 2011).
"""

import numpy as np
from jaxtyping import Float, Int


def expected_steps_off(
    leave: float, come_back: float, horizons: Int[np.ndarray, " horizons"]
) -> Float[np.ndarray, " horizons"]:
    """J(T), from on, for each horizon T; exact, in float64."""
    if leave == 0.0:
        return np.zeros(len(horizons))
    total = leave + come_back
    kept = 1.0 - total
    # expm1 and log1p keep the digits of 1 - rᵀ where p + q is tiny.
    faded = -np.expm1(horizons * np.log1p(-total)) if total < 1.0 else 1.0 - kept**horizons
    return np.asarray(leave / total * (horizons - kept * faded / total))
