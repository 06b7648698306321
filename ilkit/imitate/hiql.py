"""Hierarchical implicit Q-learning: from one value of goals, a policy that says where to be, and one that goes there.

With values V(s, g) as in `ilkit.valuing.goal_values`, k steps for a subgoal, and goals g drawn in hindsight,

    E[exp(α_high (V(s_k, g) - V(s, g))) log π_high(s_k | s, g)]
    E[exp(α (V(s', s_k) - V(s, s_k))) log π_low(a | s, s_k)]

are maximized, the weights at most w_max (Park et al., HIQL: Offline goal-conditioned RL with latent states as actions,
2023). Far from a goal a value hardly tells one action from another, but well one subgoal from another. Subgoals are
goals, and said by the way there where these are vectors; the authors learn a representation of whole states instead.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PRNGKeyArray
from pydantic import Field, NonNegativeFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import ACHIEVED, goal_faults
from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Dict, Spaces, described
from ilkit.data.training import Training
from ilkit.data.windows import Transitions
from ilkit.errors import refuse
from ilkit.fitting.goals import Hindsight
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.layered_policy import CategoricalPolicy, FixedSpreadPolicy
from ilkit.valuing.goal_values import GoalValues
from ilkit.valuing.learning import Data, learn, weighted_loss, weights_of
from ilkit.valuing.spec import ValueSpec
from ilkit.valuing.two_levels import Nearness, TwoLevelPolicy


class HIQL(ValueSpec):
    """A level that says where to be in a few steps, and one that goes there, by one value (Park et al., 2023)."""

    kind: Literal["hiql"] = "hiql"
    subgoal_steps: PositiveInt = 25
    """k: how many steps ahead a subgoal lies; the goal, where that is nearer."""
    expectile: Annotated[float, Field(ge=0.5, lt=1)] = 0.7
    """τ: how much more it counts to be worth more than the value says; at .5 values are those of the data."""
    inverse_temperature: NonNegativeFloat = 3.0
    """α: actions that get nearer to the subgoal by A steps are cloned with a weight of exp(α A)."""
    high_inverse_temperature: NonNegativeFloat = 3.0
    """α_high: subgoals that are nearer to the goal by A steps are cloned with a weight of exp(α_high A)."""
    direct: bool = True
    """Whether the lower level goes for the goal itself where values say that it is less than `subgoal_steps` away. What
    is learnt is the same; the authors always follow the upper level, which may stop a little before the goal."""

    def length_faults(self, longest: int) -> Iterator[str]:
        """Subgoals and goals that lie further ahead than every episode."""
        yield from super().length_faults(longest)
        if self.subgoal_steps > longest:
            got = self.subgoal_steps
            yield f"subgoal_steps: must be at most the steps of the longest episode, {longest}, got {got}."


def imitate(spec: HIQL, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray) -> Training[Policy]:
    """Learns values of goals, and two policies of the same kind by what they gain.

    Where the head can't say subgoals, as of actions and goals only the ones are numbers, a Gaussian or a categorical
    head on the same network says them.

    **Raises:** `DataError` where nothing is known of what was achieved, a setting doesn't fit the episodes, or the
    policy can't be weighted.
    """
    refuse("imitate.hiql", _faults(spec, policy, demos))
    finish = Partial(_with_nearness, spec) if spec.direct else None
    return learn(spec, Partial(_begin, spec, policy), Partial(_loss), policy, demos, finish=finish, key=key)


def _faults(spec: HIQL, policy: Build[Policy], demos: Demonstrations) -> Iterator[str]:
    observed = demos.spaces.observation
    yield from spec.length_faults(int(demos.lengths.max()))
    if goal_faults(observed):
        return  # said where goals are drawn
    assert isinstance(observed, Dict)
    goal = dict(observed.entries)[ACHIEVED]
    if isinstance(goal, Box) and not (goal.is_floating and len(goal.shape) == 1):
        yield f"demos: goals must be vectors of real numbers, or choices, to be subgoals, got {described(goal)}."
    is_box = isinstance(demos.spaces.action, Box)
    if isinstance(goal, Box) != is_box and not _network_of(policy):
        yield (
            f"policy: must be on a network where actions are {'numbers' if is_box else 'choices'} and goals are not, "
            f"for another head says subgoals, got {policy.kind}. Choose another policy.kind."
        )


def _network_of(policy: Build[Policy]) -> Build[Network] | None:
    return next((part for part in policy.parts if part.block == "network"), None)


def _begin(spec: HIQL, policy: Build[Policy], spaces: Spaces, data: Data, *, key: PRNGKeyArray) -> TwoLevelPolicy:
    low_key, high_key, ways_key = jax.random.split(key, 3)
    low = policy(spaces, key=low_key).fitted(data.transitions)
    near = _near(spec, data)
    subgoals = near.draw(data.transitions, jnp.arange(data.transitions.capacity), 0, key=ways_key)[0]
    said = _said(data.transitions, jnp.arange(data.transitions.capacity), subgoals)
    high = _build_high(policy, spaces, key=high_key).fitted(data.transitions._replace(actions=said))
    if spec.relative:
        low = near.with_ways(low, data.transitions, key=ways_key)
        high = data.policy_goals.with_ways(high, data.transitions, key=ways_key)
    share = jnp.asarray(spec.subgoal_steps / data.policy_goals.max_steps, jnp.float32)
    return TwoLevelPolicy(high=high, low=low, normalizer=high.normalizer, share=share, spaces=spaces)


def _with_nearness(spec: HIQL, policy: TwoLevelPolicy, values: GoalValues) -> TwoLevelPolicy:
    far = -(1.0 - spec.discount**spec.subgoal_steps) / (1.0 - spec.discount)
    return replace(policy, nearness=Nearness(values, jnp.asarray(far, jnp.float32)))


def _near(spec: HIQL, data: Data) -> Hindsight:
    """Draws what is achieved k steps ahead, or at the end of the episode."""
    nothing = jnp.zeros(())
    return replace(data.policy_goals, strategy="final", horizon=spec.subgoal_steps, current=nothing, other=nothing)


def _said(transitions: Transitions, rows: Int[Array, " batch"], places: Int[Array, " batch"]) -> Array:
    """How subgoals are said, which were achieved in these places: by the way there where they are vectors."""
    achieved = transitions.obs[ACHIEVED]
    subgoals = achieved[places]
    return subgoals - transitions.before(rows)[ACHIEVED] if jnp.issubdtype(achieved.dtype, jnp.floating) else subgoals


def _build_high(policy: Build[Policy], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    assert isinstance(spaces.observation, Dict)
    goal = dict(spaces.observation.entries)[ACHIEVED]
    if isinstance(goal, Box):
        goal = Box(shape=goal.shape, low=-np.inf, high=np.inf)
    above = Spaces(observation=spaces.observation, action=goal)
    if isinstance(goal, Box) == isinstance(spaces.action, Box):
        return policy(above, key=key)
    chosen = _network_of(policy)
    assert chosen is not None
    network = chosen(above.observation, goal.size, key=key)
    normalizer = Normalizer.identity(above.observation)
    if not isinstance(goal, Box):
        return CategoricalPolicy(network=network, normalizer=normalizer, spaces=above)
    units, log_std = ActionUnits.of(goal), jnp.zeros(goal.size)
    return FixedSpreadPolicy(network=network, normalizer=normalizer, spaces=above, units=units, log_std=log_std)


def _loss(
    spec: HIQL,
    data: Data,
    policy: TwoLevelPolicy,
    values: GoalValues,
    rows: Int[Array, " batch"],
    *,
    key: PRNGKeyArray,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    goal_key, high_key, low_key = jax.random.split(key, 3)
    here = rows + data.transitions.episode[rows]
    ahead = jnp.minimum(data.policy_goals.last[rows] - rows + 1, spec.subgoal_steps)
    low_weights = weights_of(spec, data, values, spec.inverse_temperature, rows, here + 1, here + ahead)
    low = weighted_loss(policy.low, data.window(policy.low, rows, here + ahead, ahead), low_weights, key=low_key)
    places, steps = data.policy_goals.draw(data.transitions, rows, 0, key=goal_key)
    subgoals = here + jnp.where(places == here + steps, jnp.minimum(ahead, steps), ahead)
    high_weights = weights_of(spec, data, values, spec.high_inverse_temperature, rows, subgoals, places)
    window = data.window(policy.high, rows, places, steps)
    said = _said(data.transitions, rows, subgoals)[:, None]
    window = window._replace(actions=jnp.broadcast_to(said, (*window.mask.shape, *said.shape[2:])))
    high = weighted_loss(policy.high, window, high_weights, key=high_key)
    return low + high, (jnp.mean(low_weights) + jnp.mean(high_weights)) / 2
