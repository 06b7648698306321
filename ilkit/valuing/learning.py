"""Learning values of states on the way to goals, and beside them a policy from what they prefer."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import ACHIEVED
from ilkit.data.policy import Policy
from ilkit.data.spaces import Dict, Spaces
from ilkit.data.training import Training, names_of
from ilkit.data.windows import Transitions, Window
from ilkit.errors import DataError, refuse
from ilkit.fitting.average import Average
from ilkit.fitting.goals import Hindsight, goal_windows, reached, with_goal
from ilkit.fitting.gradient import descend, draw_rows, partition
from ilkit.fitting.hindsight import check_hindsight, steps_shown
from ilkit.valuing.goal_values import GoalValues, Steps, clone_weights, expectile_loss
from ilkit.valuing.spec import ValueSpec


class Info(NamedTuple):
    """What a gradient step tells."""

    value_loss: Float[Array, ""]
    policy_loss: Float[Array, ""]
    value: Float[Array, ""]
    """The mean over the batch."""
    weight: Float[Array, ""]
    """The mean weight of what is cloned."""


class Data(eqx.Module):
    """What is learnt from, and how goals are drawn."""

    transitions: Transitions
    value_goals: Hindsight
    policy_goals: Hindsight

    def asked(
        self, rows: Int[Array, " batch"], later: Int[Array, " batch"], places: Int[Array, " batch"]
    ) -> tuple[PyTree, PyTree]:
        """The observations before these rows and those in the places `later`, both asking for what was achieved in
        `places`."""
        goal = self.transitions.obs[ACHIEVED][places]
        then = jax.tree.map(lambda column: column[later], self.transitions.obs)
        return with_goal(self.transitions.before(rows), goal), with_goal(then, goal)

    def window(
        self, policy: Policy, rows: Int[Array, " batch"], places: Int[Array, " batch"], steps: Int[Array, " batch"]
    ) -> Window:
        """What the policy learns from at these rows, asked for what was achieved in `places`, so many steps away."""
        return goal_windows(self.transitions, rows, places, steps, *policy.window, self.policy_goals.max_steps)


Begin = Callable[..., Policy]
"""`begin(spaces, data, key=key)`: the policy at first, with what it takes from the data."""
PolicyLoss = Callable[..., tuple[Float[Array, ""], Float[Array, ""]]]
"""`loss(spec, data, policy, values, rows, key=key)`, and the mean weight of what is cloned."""
Finish = Callable[[Policy, GoalValues], Policy]
"""`finish(policy, values)`: the policy that is kept."""


class _Problem(eqx.Module):
    spec: ValueSpec
    data: Data
    policy_loss: PolicyLoss


class _Learner(NamedTuple):
    policy: Policy
    values: GoalValues


class _State(NamedTuple):
    trained: _Learner
    fixed: _Learner
    optimizer: optax.OptState
    slow: GoalValues
    """The slow copy of what is trained of the values."""
    average: Average | None
    """The weights of the policy along the way, averaged."""


def learn(
    spec: ValueSpec,
    begin: Begin,
    policy_loss: PolicyLoss,
    policy: Build[Policy],
    demos: Demonstrations,
    *,
    finish: Finish | None = None,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Learns values and a policy at once, from the same steps; the policy has no say in the values.

    **Raises:** `DataError` where nothing is known of what was achieved, a setting doesn't fit the episodes, or the
    policy can't be weighted.
    """
    where = f"imitate.{spec.kind}"  # type: ignore[attr-defined]
    check_hindsight(where, spec, demos)
    if spec.value_random and demos.num_episodes < 2:
        raise DataError(f"{where}.value_random: must be 0 where there is one episode alone, got {spec.value_random:g}.")
    untrained = eqx.filter_eval_shape(partial(policy, demos.spaces), key=key)
    refuse(where, spec.policy_faults(untrained, {}))
    problem = _Problem(spec, _data(spec, demos), policy_loss)
    state = _begin(problem, begin, demos.spaces, key)
    return Training(state, Partial(_step, problem), Partial(_finish, finish), spec.num_steps, info_names=names_of(Info))


def _data(spec: ValueSpec, demos: Demonstrations) -> Data:
    transitions, max_steps = demos.transitions(), steps_shown(demos)
    value_goals = Hindsight.of(
        transitions,
        spec.value_strategy,
        max_steps,
        discount=spec.discount,
        current=spec.value_current,
        other=spec.value_random,
    )
    return Data(transitions, value_goals, spec.draws(transitions, max_steps))


@eqx.filter_jit
def _begin(problem: _Problem, begin: Begin, spaces: Spaces, key: PRNGKeyArray) -> _State:
    policy_key, values_key = jax.random.split(key)
    policy = begin(spaces, problem.data, key=policy_key)
    assert isinstance(spaces.observation, Dict)
    values = GoalValues.of(problem.spec, policy.normalizer, spaces.observation, key=values_key)
    trained, fixed = partition(_Learner(policy, values))
    average = Average.of(trained.policy) if problem.spec.average else None
    return _State(trained, fixed, _optimizer(problem).init(trained), trained.values, average)


def _optimizer(problem: _Problem) -> optax.GradientTransformation:
    return optax.adam(problem.spec.learning_rate)


def _step(problem: _Problem, state: _State, key: PRNGKeyArray) -> tuple[_State, Info]:
    rows_key, value_key, policy_key = jax.random.split(key, 3)
    spec, data = problem.spec, problem.data
    rows = draw_rows(data.transitions, spec.batch_size, key=rows_key)
    steps = draw_steps(spec, data, rows, key=value_key)
    slow = eqx.combine(state.slow, state.fixed.values)

    def loss(trained: _Learner) -> tuple[Float[Array, ""], Info]:
        policy, values = eqx.combine(trained, state.fixed)
        value_loss, value = expectile_loss(spec, values, slow, steps)
        values = jax.lax.stop_gradient(values)
        policy_loss, weight = problem.policy_loss(spec, data, policy, values, rows, key=policy_key)
        return value_loss + policy_loss, Info(value_loss, policy_loss, value, weight)

    (_, info), gradient = jax.value_and_grad(loss, has_aux=True)(state.trained)
    trained, optimizer = descend(_optimizer(problem), gradient, state.optimizer, state.trained)
    followed = optax.incremental_update(trained.values, state.slow, spec.target_rate)
    average = None if state.average is None else state.average.add(trained.policy)
    return state._replace(trained=trained, optimizer=optimizer, slow=followed, average=average), info


def draw_steps(spec: ValueSpec, data: Data, rows: Int[Array, " batch"], *, key: PRNGKeyArray) -> Steps:
    """What was done from these rows on: up to goals that are drawn, by `value_steps`, or to the end of the episode."""
    places, _ = data.value_goals.draw(data.transitions, rows, 0, key=key)
    here = rows + data.transitions.episode[rows]
    left = jnp.minimum(data.value_goals.last[rows] - rows + 1, spec.value_steps)
    achieved = data.transitions.obs[ACHIEVED]
    along = achieved[here[:, None] + jnp.minimum(jnp.arange(spec.value_steps + 1), left[:, None])]
    arrived = jax.vmap(jax.vmap(partial(reached, tolerance=spec.tolerance), (0, None)))(along, achieved[places])
    there = jnp.any(arrived, axis=1)
    num_steps = jnp.where(there, jnp.argmax(arrived, axis=1), left)
    obs, later_obs = data.asked(rows, here + num_steps, places)
    return Steps(obs, later_obs, num_steps, there)


def _finish(finish: Finish | None, state: _State) -> Policy:
    weights = state.trained.policy if state.average is None else state.average.weights
    policy: Policy = eqx.combine(weights, state.fixed.policy)
    return policy if finish is None else finish(policy, eqx.combine(state.trained.values, state.fixed.values))


def weighted_loss(
    policy: Policy, windows: Window, weights: Float[Array, " batch"], *, key: PRNGKeyArray
) -> Float[Array, ""]:
    """The mean of the policy's loss at the present step of each window, times a weight each."""

    def present(window: Window, key: PRNGKeyArray) -> Float[Array, ""]:
        dropout_key, loss_key = jax.random.split(key)
        acting = policy.dropped(key=dropout_key)
        obs, action = jax.tree.map(lambda rows: rows[policy.window[0]], (window.obs, window.actions))
        return acting.step_loss(acting.remember(window), obs, action, key=loss_key)[1]

    return jnp.mean(weights * jax.vmap(present)(windows, jax.random.split(key, len(weights))))


def weights_of(
    spec: ValueSpec,
    data: Data,
    values: GoalValues,
    inverse_temperature: float | Float[Array, ""],
    rows: Int[Array, " batch"],
    later: Int[Array, " batch"],
    places: Int[Array, " batch"],
) -> Float[Array, " batch"]:
    """How much it counts to get from these rows to the places `later`, on the way to `places`."""
    return clone_weights(spec, values, inverse_temperature, *data.asked(rows, later, places))
