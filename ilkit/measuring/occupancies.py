"""What policies visit and rewards lead to, calculated from an environment's tables."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ilkit.data.policy import Policy
from ilkit.data.reward import Reward
from ilkit.data.spaces import Discrete, Spaces
from ilkit.data.tabular import Tabular
from ilkit.errors import DataError
from ilkit.math.maximum_entropy import best_values, occupancies
from ilkit.nn.tabular_policy import TabularPolicy


class Visited(NamedTuple):
    """What a policy visits within the time limit, and what it is paid."""

    acted: Float[np.ndarray, " states"]
    """How often an episode acts in each state."""
    chances: Float[np.ndarray, "states actions"]
    """How often it does so with each action, of the times that it acts there at all."""
    expected_return: float


def visited_by(tabular: Tabular, chances: Float[Array, "steps states actions"]) -> Visited:
    """What is visited with these probabilities of actions."""
    states = occupancies(tabular.transitions, tabular.initial, chances)[:-1]
    pairs = np.asarray(jnp.einsum("ts,tsa->sa", states, chances), np.float64)
    acted = pairs.sum(axis=1)
    shares = pairs / np.where(acted > 0, acted, 1.0)[:, None]
    return Visited(acted, shares, float((pairs * np.asarray(tabular.rewards)).sum()))


def chances_of(
    policy: Policy, spaces: Spaces, tabular: Tabular, *, stochastic: bool
) -> Float[Array, "steps states actions"]:
    """π_t(a | s) of a policy that samples, or takes its modes.

    **Raises:** `DataError` where the policy remembers more than the time, or samples without a density.
    """
    if jax.tree.leaves(policy.initial_carry()) and not isinstance(policy, TabularPolicy):
        raise DataError(
            f"What {type(policy).__name__} visits can't be calculated, for it has a memory. Choose a network without "
            "one, or evaluate.kind returns."
        )
    if stochastic and policy.is_stochastic and not policy.has_density:
        raise DataError(
            f"What {type(policy).__name__} visits can't be calculated, for its density is implicit. Choose "
            "policy.kind categorical, or evaluate.occupancies.stochastic false."
        )
    found = _chances(policy, spaces, tabular, stochastic and policy.is_stochastic)
    missing = len(tabular.initial) - found.shape[1]
    return jnp.pad(found, ((0, 0), (0, missing), (0, 0)), constant_values=1.0 / found.shape[2])


@eqx.filter_jit
def _chances(policy: Policy, spaces: Spaces, tabular: Tabular, samples: bool) -> Float[Array, "steps observed actions"]:
    actions = _actions(spaces)

    def chances_at(time: Array, obs: Array) -> Float[Array, " actions"]:
        carry = time if isinstance(policy, TabularPolicy) else policy.initial_carry()
        if not samples:
            return (actions == policy.mode(carry, obs)[1]).astype(jnp.float32)
        return jnp.exp(jax.vmap(lambda action: policy.log_prob(carry, obs, action)[1])(actions))

    times = jnp.arange(tabular.horizon, dtype=jnp.int32)
    at_once = jax.vmap(lambda time: jax.vmap(lambda obs: chances_at(time, obs))(tabular.observations))
    return at_once(times)


@eqx.filter_jit
def rewards_of(reward: Reward, spaces: Spaces, tabular: Tabular) -> Float[Array, "states actions"]:
    """E[r(s, a, s')] of all states and actions; in the state that follows a termination, what each step there earns."""
    observed, num_states = len(jax.tree.leaves(tabular.observations)[0]), len(tabular.initial)

    def mean(state: Array, action: Array, place: Array) -> Float[Array, ""]:
        before = jax.tree.map(lambda rows: rows[state], tabular.observations)

        def to(led: Array) -> Float[Array, ""]:
            ended = led == observed  # where an episode stays when it ends isn't told: taken to be where it was
            after = jax.tree.map(lambda rows: rows[jnp.where(ended, state, led)], tabular.observations)
            return reward(before, action, after, ended)

        return tabular.transitions[state, place] @ jax.vmap(to)(jnp.arange(num_states))

    actions = _actions(spaces)
    places = jnp.arange(len(actions))
    by_action = jax.vmap(lambda state: jax.vmap(lambda *one: mean(state, *one))(actions, places))
    found = by_action(jnp.arange(observed))
    return jnp.pad(found, ((0, num_states - observed), (0, 0)), constant_values=reward.absorbing)


def planned(tabular: Tabular, rewards: Float[Array, "states actions"]) -> Visited:
    """What the best policy for these rewards visits, and what the environment pays it."""
    best = jnp.argmax(best_values(tabular.transitions, rewards, tabular.horizon), axis=-1)
    return visited_by(tabular, jax.nn.one_hot(best, rewards.shape[1]))


def random_walk(tabular: Tabular) -> Visited:
    """What uniformly random actions visit."""
    states, actions = tabular.rewards.shape
    return visited_by(tabular, jnp.full((tabular.horizon, states, actions), 1.0 / actions))


def correlation(
    found: Float[np.ndarray, "states actions"],
    wanted: Float[np.ndarray, "states actions"],
    reached: Bool[np.ndarray, " states"],
) -> float:
    """Pearson's correlation over all actions in the states that can be reached; 0 where one is the same everywhere."""
    rows = np.stack([np.asarray(table, np.float64)[reached].ravel() for table in (found, wanted)])
    spread = rows.std(axis=1)
    return float(np.corrcoef(rows)[0, 1]) if (spread > 1e-9).all() else 0.0


def _actions(spaces: Spaces) -> Array:
    start = spaces.action.start if isinstance(spaces.action, Discrete) else 0
    return start + jnp.arange(spaces.action.size, dtype=jnp.int32)
