"""Supervised learning: gradient steps on a loss of batches of demonstrated steps."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PRNGKeyArray
from pydantic import PositiveFloat, PositiveInt

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Spaces
from ilkit.data.training import Loss, Training
from ilkit.data.windows import Transitions, windows
from ilkit.errors import DataError
from ilkit.fitting.average import Average
from ilkit.fitting.chunks import check_chunks
from ilkit.fitting.goals import Hindsight
from ilkit.fitting.gradient import Cumulative, Multiplicities, descend, draw_multiplied, draw_rows, partition
from ilkit.fitting.target_noise import TargetNoise
from ilkit.spec import Spec

T = TypeVar("T")


class FitSpec(Spec):
    """The settings of supervised learning."""

    learning_rate: PositiveFloat = 1e-3
    """The step size of Adam."""
    batch_size: PositiveInt = 100
    """Transitions a gradient step."""
    num_steps: PositiveInt = 10_000
    """Gradient steps."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""


class _Problem(eqx.Module):
    """What all steps share; its numbers are traced, so that another learning rate compiles nothing."""

    loss: Callable[..., Float[Array, ""]]
    optimizer: Callable[[], optax.GradientTransformation]
    transitions: Transitions
    hindsight: Hindsight | None
    batch_size: int = eqx.field(static=True)


class _State(NamedTuple):
    trained: Any
    fixed: Any
    optimizer: optax.OptState
    cumulative: Cumulative | None
    """How often a member's data hold each row of the demonstrations and those before it, times its weight."""
    average: Average | None
    """The weights along the way, averaged."""
    target_noise: TargetNoise | None


def fit(
    loss: Callable[..., Float[Array, ""]],
    optimizer: Callable[[], optax.GradientTransformation],
    policy: Callable[..., T],
    demos: Demonstrations,
    *,
    batch_size: int,
    num_steps: int,
    key: PRNGKeyArray,
    members: Callable[..., Multiplicities] | None = None,
    average: bool = False,
    target_noise: TargetNoise | None = None,
    hindsight: Hindsight | None = None,
) -> Training[T]:
    """Minimizes `loss(policy, batch, key=key)`, where `batch` is a `Window` with a leading axis of `batch_size`.

    Steps are drawn in proportion to their weights, where the demonstrations have any: one of weight 0 is never fitted.

    `policy(spaces, key=key)` makes a policy, or anything else that has `window` and `fitted` as policies do.

    `optimizer` makes the optimizer, and is called inside the compiled step. It and `loss` are functions of a module,
    or `jax.tree_util.Partial` of one and of settings: `Partial(optax.adam, spec.learning_rate)` is traced once for all
    learning rates.

    With `members(transitions, key=key)` a policy is fitted for each row of what it returns, to rows of the
    demonstrations drawn in proportion to their multiplicities; they come out stacked.

    With `average` what is learnt is the average of the weights along the way; with `target_noise` demonstrated actions
    get fresh noise whenever they are drawn; with `hindsight` each window gets a goal, drawn anew as well.

    **Raises:** `DataError` where the policy wants to see more steps at once than any episode has, or to decide on steps
    at once of which only some count.
    """
    loss, optimizer, policy, members = jax.tree.map(
        lambda leaf: jnp.asarray(leaf) if isinstance(leaf, float) else leaf, (loss, optimizer, policy, members)
    )
    problem = _Problem(loss, optimizer, demos.transitions(), hindsight, batch_size)
    state = _initial_state(problem, policy, demos.spaces, members, average, key)._replace(target_noise=target_noise)
    _check_window(_combined(state).window, demos)
    return Training(state, Partial(_step, problem), Partial(_combined), num_steps)


def _check_window(window: tuple[int, int], demos: Demonstrations) -> None:
    check_chunks(window, demos)
    (past, ahead), longest = window, int(demos.lengths.max())
    if max(past, ahead) < longest:
        return
    told = f"{past + 1} steps up to now" if past >= longest else f"{ahead + 1} steps from now on"
    raise DataError(
        f"A policy must not see more steps at once than an episode has, {longest} at most, and this one wants {told}. "
        "Lower policy.chunked.horizon, or the window of the network."
    )


@eqx.filter_jit
def _initial_state(
    problem: _Problem,
    policy: Callable[..., Any],
    spaces: Spaces,
    members: Callable[..., Multiplicities] | None,
    average: bool,
    key: PRNGKeyArray,
) -> _State:
    def initial(key: PRNGKeyArray) -> Any:
        fitted = policy(spaces, key=key).fitted(problem.transitions)
        if problem.hindsight is None or not problem.hindsight.relative:
            return fitted
        return problem.hindsight.with_ways(fitted, problem.transitions, key=jax.random.fold_in(key, 1))

    if members is None:
        (trained, fixed), cumulative = partition(initial(key)), None
    else:
        policy_key, members_key = jax.random.split(key)
        multiplicities = members(problem.transitions, key=members_key)
        trained, fixed = partition(eqx.filter_vmap(initial)(jax.random.split(policy_key, len(multiplicities))))
        weights = problem.transitions.weights
        cumulative = jnp.cumsum(multiplicities if weights is None else multiplicities * weights, axis=1)
    started = Average.of(trained) if average else None
    return _State(trained, fixed, problem.optimizer().init(trained), cumulative, started, None)


def _step(problem: _Problem, state: _State, key: PRNGKeyArray) -> tuple[_State, Loss]:
    batch_key, loss_key = jax.random.split(key)

    def loss_on(policy: Any, rows: Int[Array, " batch"], key: PRNGKeyArray) -> Float[Array, ""]:
        if problem.hindsight is not None:
            key, goal_key = jax.random.split(key)
            batch = problem.hindsight.windows(problem.transitions, rows, *policy.window, key=goal_key)
            return problem.loss(policy, batch, key=key)
        if state.target_noise is None:
            return problem.loss(policy, windows(problem.transitions, rows, *policy.window), key=key)
        key, noise_key = jax.random.split(key)
        batch = state.target_noise.windows(problem.transitions, rows, *policy.window, key=noise_key)
        return problem.loss(policy, batch, key=key)

    def total(trained: Any) -> Float[Array, ""]:
        policy = eqx.combine(trained, state.fixed)
        if state.cumulative is None:
            return loss_on(policy, draw_rows(problem.transitions, problem.batch_size, key=batch_key), loss_key)
        rows = draw_multiplied(state.cumulative, problem.batch_size, key=batch_key)
        return jnp.sum(eqx.filter_vmap(loss_on)(policy, rows, jax.random.split(loss_key, len(rows))))

    value, gradient = jax.value_and_grad(total)(state.trained)
    trained, optimizer = descend(problem.optimizer(), gradient, state.optimizer, state.trained)
    count = 1 if state.cumulative is None else len(state.cumulative)
    average = None if state.average is None else state.average.add(trained)
    return state._replace(trained=trained, optimizer=optimizer, average=average), Loss(value / count)


def _combined(state: _State) -> Any:
    return eqx.combine(state.trained if state.average is None else state.average.weights, state.fixed)
