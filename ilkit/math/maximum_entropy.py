"""Maximum entropy in tables: the soft backup, and how often each state is visited.

With V_H = 0 and, for t = H - 1 … 0,

    Q_t(s, a) = R(s, a) + E_{s' ~ T(s, a)}[V_{t+1}(s')],    V_t(s) = log Σ_a exp Q_t(s, a),    π_t = exp(Q_t - V_t),

π has the largest return and causal entropy together (Ziebart, Bagnell and Dey, Modeling Interaction via the Principle
of Maximum Causal Entropy, 2010). With the path distribution P(τ) ∝ exp(Σ R(s_t, a_t)) Π T(s_{t+1} | s_t, a_t) instead,

    Q_t(s, a) = R(s, a) + log E_{s' ~ T(s, a)}[exp(V_{t+1}(s'))],

so that exp V_t is the sum over all paths from s on (Ziebart, Maas, Bagnell and Dey, Maximum Entropy Inverse
Reinforcement Learning, 2008). The two are one where dynamics are deterministic. Where they aren't, a path that ends
well by luck is as much wanted as one that ends well by choice: that distribution bends chance, and its π takes risks.

An episode has H steps and visits H states in which it acts, s_0 … s_{H-1}; R is that of the state acted in. The
gradient of V_0, averaged over initial states, with respect to R is the expected number of visits in those H. With the
H + 1 visits that are often counted, s_H among them, it isn't: nothing is earned there.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Soft(NamedTuple):
    """The soft values of all times."""

    values: Float[Array, "times states"]
    """V_t, from t = 0 to H."""
    action_values: Float[Array, "steps states actions"]
    """Q_t, from t = 0 to H - 1."""

    @property
    def log_policy(self) -> Float[Array, "steps states actions"]:
        """The logarithm of π_t, Q_t - V_t."""
        return self.action_values - self.values[:-1, :, None]


def soft_values(
    transitions: Float[Array, "states actions states"],
    rewards: Float[Array, "states actions"],
    horizon: int,
    *,
    causal: bool = True,
) -> Soft:
    """V_t and Q_t: those of maximum causal entropy or, where not `causal`, of the path distribution."""

    def backup(
        following: Float[Array, " states"], _: None
    ) -> tuple[Float[Array, " states"], tuple[Float[Array, " states"], Float[Array, "states actions"]]]:
        onwards = transitions @ following if causal else jax.nn.logsumexp(following, b=transitions, axis=-1)
        action_values = rewards + onwards
        values = jax.nn.logsumexp(action_values, axis=-1)
        return values, (values, action_values)

    last = jnp.zeros_like(rewards[:, 0])
    _, (values, action_values) = jax.lax.scan(backup, last, None, length=horizon, reverse=True)
    return Soft(jnp.concatenate([values, last[None]]), action_values)


def best_values(
    transitions: Float[Array, "states actions states"], rewards: Float[Array, "states actions"], horizon: int
) -> Float[Array, "steps states actions"]:
    """Q_t of the policy with the largest return within H steps, by dynamic programming (Bellman, 1957)."""

    def backup(
        following: Float[Array, " states"], _: None
    ) -> tuple[Float[Array, " states"], Float[Array, "states actions"]]:
        action_values = rewards + transitions @ following
        return jnp.max(action_values, axis=-1), action_values

    return jax.lax.scan(backup, jnp.zeros_like(rewards[:, 0]), None, length=horizon, reverse=True)[1]


def occupancies(
    transitions: Float[Array, "states actions states"],
    initial: Float[Array, " states"],
    policy: Float[Array, "steps states actions"],
) -> Float[Array, "times states"]:
    """P(s_t = s) from t = 0 to H, for the probabilities π_t of a policy."""

    def forward(
        now: Float[Array, " states"], chances: Float[Array, "states actions"]
    ) -> tuple[Float[Array, " states"], Float[Array, " states"]]:
        return jnp.einsum("s,sa,sap->p", now, chances, transitions), now

    last, before = jax.lax.scan(forward, initial, policy)
    return jnp.concatenate([before, last[None]])
