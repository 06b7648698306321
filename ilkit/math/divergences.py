"""f-divergences: how far a distribution q (the learner) is from another, p (the expert).

    D_f(p, q) = E_q[f(p / q)] = sup_V E_p[g(V)] - E_q[f*(g(V))]

with f convex, f(1) = 0, and f*(t) = sup_u (u t - f(u)) its conjugate. V may be any real function; g maps its values
into the domain of f* (Nowozin et al., 2016). The supremum is where g(V) = f'(p / q). The order matters: p is the
expert; swapped, the same f gives another divergence. Every g is chosen such that it is log(p / q) there, or at least
has its sign, so that |V| ≤ b bounds the ratio alike from both sides.

    divergence       f(u)                              f*(t)            g(v)                     f*(g(v))
    forward KL       u log u                           exp(t - 1)       v + 1                    exp v
    reverse KL       -log u                            -1 - log(-t)     -exp(-v)                 v - 1
    Jensen–Shannon   u log u - (u + 1) log((u + 1)/2)  -log(2 - exp t)  log 2 - log(1 + exp -v)  log(1 + exp v) - log 2
    total variation  |u - 1| / 2                       t, |t| ≤ 1/2     tanh(v) / 2              tanh(v) / 2

This Jensen–Shannon divergence is twice the usual one (ln 4 at most).
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import softplus
from jaxtyping import Array, Float

Elementwise = Callable[..., Float[Array, "..."]]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Divergence:
    """An f-divergence as three elementwise functions."""

    integrand: Elementwise
    """(log p, log q) ↦ q f(p / q), stable where the ratio is huge or tiny."""
    expert_term: Elementwise
    """v ↦ g(v), whose expectation under p the critic V raises."""
    learner_term: Elementwise
    """v ↦ f*(g(v)), whose expectation under q the critic lowers, and the learner raises."""


FORWARD_KL = Divergence(
    lambda log_p, log_q: jnp.exp(log_p) * (log_p - log_q),
    lambda v: v + 1.0,
    lambda v: jnp.exp(v),
)
"""KL(p ‖ q): q covers p; minimized by maximum likelihood. At the supremum V = log(p / q)."""
REVERSE_KL = Divergence(
    lambda log_p, log_q: jnp.exp(log_q) * (log_q - log_p),
    lambda v: -jnp.exp(-v),
    lambda v: v - 1.0,
)
"""KL(q ‖ p): q seeks a mode of p. At the supremum V = log(p / q)."""
JENSEN_SHANNON = Divergence(
    lambda log_p, log_q: (
        jnp.exp(log_p) * (np.log(2.0) - softplus(log_q - log_p))
        + jnp.exp(log_q) * (np.log(2.0) - softplus(log_p - log_q))
    ),
    lambda v: np.log(2.0) - softplus(-v),
    lambda v: softplus(v) - np.log(2.0),
)
"""KL(p ‖ m) + KL(q ‖ m) with m = (p + q) / 2. At the supremum V = log(p / q), the logit of a classifier."""
TOTAL_VARIATION = Divergence(
    lambda log_p, log_q: 0.5 * jnp.abs(jnp.exp(log_p) - jnp.exp(log_q)),
    lambda v: 0.5 * jnp.tanh(v),
    lambda v: 0.5 * jnp.tanh(v),
)
"""½ ∫ |p - q|. At the supremum V = ±∞, with the sign of p - q."""

DIVERGENCES = {
    "forward_kl": FORWARD_KL,
    "reverse_kl": REVERSE_KL,
    "jensen_shannon": JENSEN_SHANNON,
    "total_variation": TOTAL_VARIATION,
}
"""The divergences above by name."""


def from_generator(f: Elementwise) -> Divergence:
    """The divergence of a differentiable convex f with f(1) = 0, with V parametrized as log(p / q).

    At the supremum g(V) = f'(p / q), so g(v) = f'(e^v) and f*(g(v)) = e^v f'(e^v) - f(e^v), by automatic
    differentiation: `from_generator(lambda u: (jnp.sqrt(u) - 1) ** 2)` is the squared Hellinger distance.
    Log ratios are cut at ±80, beyond which u leaves float32.
    """

    def integrand(log_p: Float[Array, "..."], log_q: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.exp(log_q) * f(_exp(log_p - log_q))

    def expert_term(v: Float[Array, "..."]) -> Float[Array, "..."]:
        ratio = _exp(v)
        return jax.jvp(f, (ratio,), (jnp.ones_like(ratio),))[1]

    def learner_term(v: Float[Array, "..."]) -> Float[Array, "..."]:
        ratio = _exp(v)
        value, slope = jax.jvp(f, (ratio,), (jnp.ones_like(ratio),))
        return ratio * slope - value

    return Divergence(integrand, expert_term, learner_term)


def _exp(log_ratio: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.exp(jnp.clip(log_ratio, -80.0, 80.0))


def divergence_of(
    divergence: Divergence,
    expert_log_prob: Float[Array, "*batch points"],
    learner_log_prob: Float[Array, "*batch points"],
    cell: Float[Array, ""] | float = 1.0,
) -> Float[Array, "*batch"]:
    """D_f(p, q) = Σ q f(p / q) · cell, from both log densities at points that cover the support.

    The points are all actions of a discrete space, with cell 1, or a grid with cells of the volume `cell`.
    """
    return jnp.sum(divergence.integrand(expert_log_prob, learner_log_prob), axis=-1) * cell
