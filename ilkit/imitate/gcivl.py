"""Goal-conditioned implicit value learning: clones what got nearer to a goal, by values that learn from any data.

Values V(s, g) are expectiles of what was done next (`ilkit.valuing.goal_values`), and the policy maximizes

    E[min(exp(α (V(s', g) - V(s, g))), w_max) log π(a | s, g)]

with goals drawn in hindsight (Kostrikov et al., Offline reinforcement learning with implicit Q-learning, 2022; Park et
al., OGBench, 2025, as GCIVL). Of heads without a density it is the loss they have that is weighted.
"""

from typing import Literal

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.data.training import Training
from ilkit.valuing.goal_values import GoalValues
from ilkit.valuing.learning import Data, learn, weighted_loss, weights_of
from ilkit.valuing.spec import ValueSpec


class GCIVL(ValueSpec):
    """Cloning by how much nearer to a goal an action got, by values of goals (Park et al., 2025)."""

    kind: Literal["gcivl"] = "gcivl"


def imitate(spec: GCIVL, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray) -> Training[Policy]:
    """Learns values of goals, and clones by what they gain.

    **Raises:** `DataError` where nothing is known of what was achieved, a setting doesn't fit the episodes, or the
    policy can't be weighted.
    """
    return learn(spec, Partial(_begin, policy), Partial(_loss), policy, demos, key=key)


def _begin(policy: Build[Policy], spaces: Spaces, data: Data, *, key: PRNGKeyArray) -> Policy:
    policy_key, ways_key = jax.random.split(key)
    fitted = policy(spaces, key=policy_key).fitted(data.transitions)
    goals = data.policy_goals
    return goals.with_ways(fitted, data.transitions, key=ways_key) if goals.relative else fitted


def _loss(
    spec: GCIVL, data: Data, policy: Policy, values: GoalValues, rows: Int[Array, " batch"], *, key: PRNGKeyArray
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    goal_key, loss_key = jax.random.split(key)
    places, steps = data.policy_goals.draw(data.transitions, rows, 0, key=goal_key)
    after = rows + data.transitions.episode[rows] + 1
    weights = weights_of(spec, data, values, spec.inverse_temperature, rows, after, places)
    window = data.window(policy, rows, places, steps)
    return weighted_loss(policy, window, weights, key=loss_key), jnp.mean(weights)
