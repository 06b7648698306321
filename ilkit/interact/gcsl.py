"""Goal-conditioned supervised learning: practice, and take what was achieved for what was meant (Ghosh et al., 2019).

Each round the policy acts towards goals of the environment; every action is then a demonstration of how to get to what
was achieved h steps later, and the policy is cloned from all of them: max E[log π(a_t | s_t, g = s_{t+h}, h)] (Learning
to Reach Goals via Iterated Supervised Learning). Labels are what was done, whatever was meant.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from ilkit.data.aggregate import Aggregate, Interaction
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, GoalReaching, HostEnvironment
from ilkit.data.goal_entries import ACHIEVED, DESIRED, goal_faults, warn_of_tolerance
from ilkit.data.normalizer import replace_normalizers, within_bounds
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces, check_spaces, zeros
from ilkit.data.training import Training, names_of
from ilkit.errors import refuse
from ilkit.fitting.goals import Hindsight, Strategy, distance, goal_windows
from ilkit.fitting.gradient import descend, mean_loss, partition
from ilkit.interaction.aggregation import begin, extend
from ilkit.interaction.practicing import Practicing
from ilkit.interaction.seed_axis import each, split_each
from ilkit.spec import Spec
from ilkit.stepping.episodes import num_bytes
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.memory import first_carries
from ilkit.stepping.records import Rollout
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


class GCSL(Spec):
    """Acts towards goals and clones how it got to where it got, again and again (Ghosh et al., 2019)."""

    kind: Literal["gcsl"] = "gcsl"
    num_rounds: PositiveInt = 200
    """Rounds: in each the policy acts, and is fitted to all episodes so far."""
    num_envs: PositiveInt = 1
    """Environments in which a round is acted side by side, for the steps of one whole episode each."""
    updates: PositiveInt = 100
    """Gradient steps a round."""
    batch_size: PositiveInt = 32
    """Transitions a gradient step."""
    learning_rate: PositiveFloat = 5e-4
    """The step size of Adam."""
    strategy: Literal["pairs"] | Strategy = "pairs"
    """How states and goals are drawn: any two different times of an episode alike, the earlier one the state (`pairs`);
    else any state alike, and a goal ahead of it, as relabeling does."""
    discount: Annotated[float, Field(gt=0, le=0.9999)] = 0.99
    """γ: how near geometric goals are."""
    capacity: PositiveInt | None = None
    """How many of the latest steps are learnt from; all where none is given."""
    random_rounds: NonNegativeInt = 1
    """The first rounds, in which actions are random."""
    collect: bool = True
    """Whether the policy acts at all; if not, all rounds are random: as many steps and updates without practice."""
    tolerance: NonNegativeFloat | None = None
    """How far from the goal counts as success in the learning curve; none: what the environment says."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""
    num_snapshots: NonNegativeInt = 0
    """How many policies are kept along training, from its start on, to be evaluated beside the last one."""

    def idle(self) -> dict[str, str]:
        """What other strategies read, and when to begin with what is never done."""
        found = {} if "geometric" in self.strategy else {"discount": "strategy is geometric or clipped_geometric"}
        return found if self.collect else {**found, "random_rounds": "collect is true"}

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """An environment without goals, and one that doesn't say what counts as reached."""
        yield from (f"env: {fault}" for fault in goal_faults(world.spaces.observation))
        if self.tolerance is None and not isinstance(world, GoalReaching):
            yield "tolerance: must be given where the environment doesn't say what counts as reached, got none."

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy that always does the same: it explores nothing."""
        del parts
        if policy.is_stochastic:
            return ()
        return (
            "policy: must sample its actions, for practice without chance explores nothing, and "
            f"{type(policy).__name__} doesn't. Choose policy.kind gaussian, or categorical where actions are discrete.",
        )

    def bytes_needed(self, world: Environment | HostEnvironment) -> int:
        """That of the steps of all rounds, in as many episodes at most."""
        steps = self.num_rounds * self.num_envs * world.max_steps
        return self.num_seeds * num_bytes(world, steps, steps)


class PracticeInfo(NamedTuple):
    """What a round tells of the episodes that ended in it."""

    final_distance: Float[Array, ""]
    """The mean distance from the goal at their end, in units of goals."""
    loss: Float[Array, ""]
    """The mean over the gradient steps."""
    success: Float[Array, ""]
    """The share of them that ended at the goal."""


class Practice(NamedTuple):
    """All that changes from one round to the next."""

    policy: Policy
    optimizer: optax.OptState
    aggregate: Aggregate
    number: Int[Array, ""]
    """The number of rounds so far."""
    info: PracticeInfo
    """Of the last round."""


class _Problem(eqx.Module):
    """What all rounds share."""

    spec: GCSL
    envs: CompiledEnvs | HostEnvs
    tolerance: Float[Array, ""]
    max_steps: int = eqx.field(static=True)


def interact(
    spec: GCSL,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Interaction]:
    """Practices from scratch or, where there are demonstrations, with their episodes beside those of its own.

    In a compiled environment a round is one compiled step; on the host its episodes are gathered.

    **Raises:** `DataError` where the environment has no goals, or the policy explores nothing.
    """
    world = env()
    refuse("interact.gcsl", spec.faults(world))
    refuse(
        "interact.gcsl", spec.policy_faults(eqx.filter_eval_shape(lambda key: policy(world.spaces, key=key), key), {})
    )
    given = _nothing(world.spaces) if demos is None else demos
    check_spaces(world.spaces, given.spaces)
    tolerance = world.goal_tolerance if spec.tolerance is None else spec.tolerance  # type: ignore[union-attr]
    if spec.tolerance == 0:
        warn_of_tolerance(0.0, world.spaces.observation)
    envs, per_round = side_by_side(world, spec.num_envs), spec.num_envs * world.max_steps
    problem = _Problem(spec, envs, jnp.asarray(tolerance, jnp.float32), world.max_steps)
    begin_key, policy_key = jax.random.split(key)
    state = _first(spec, policy, begin(given, spec.num_rounds * per_round, 1, key=begin_key), key=policy_key)
    described: Any = {
        "num_steps": spec.num_rounds,
        "env_steps_per_step": per_round,
        "info_names": names_of(PracticeInfo),
    }
    if isinstance(envs, HostEnvs):
        return Training(state, Partial(_tell), Partial(_finish), gather=Partial(_gather, problem), **described)
    return Training(state, Partial(_round, problem), Partial(_finish), **described)


def _nothing(spaces: Spaces) -> Demonstrations:
    """No episode."""
    obs, actions, numbers, flags = zeros(spaces.observation, 0), zeros(spaces.action, 0), np.zeros(0), np.zeros(0, bool)
    lengths = np.zeros(0, np.int32)
    return Demonstrations(obs, actions, numbers.astype(np.float32), flags, flags, lengths, spaces=spaces)


@eqx.filter_jit
def _first(spec: GCSL, policy: Build[Policy], aggregate: Aggregate, *, key: PRNGKeyArray) -> Practice:
    drawn = policy(aggregate.spaces, key=key)
    optimizer = optax.adam(spec.learning_rate).init(partition(drawn)[0])
    nothing = PracticeInfo(*(jnp.zeros(()) for _ in PracticeInfo._fields))
    return Practice(drawn, optimizer, aggregate, jnp.zeros((), jnp.int32), nothing)


def _round(problem: _Problem, state: Practice, key: PRNGKeyArray) -> tuple[Practice, PracticeInfo]:
    """An episode in every environment, then gradient steps on all that was done so far."""
    act_key, extend_key, learn_key = jax.random.split(key, 3)
    state = _improve(problem, state, _act(problem, state, key=act_key), extend_key, learn_key)
    return state, state.info


def _gather(problem: _Problem, state: Practice, key: Key[Array, "*seeds"]) -> Practice:
    """A round on the host; everything has a leading seed axis where the key has one."""
    act_key, *keys = split_each(key, 3)
    rollout = _act(problem, state, key=act_key)
    return _improve_each(eqx.tree_at(lambda one: one.envs, problem, None), state, rollout, *keys)


@eqx.filter_jit
def _improve_each(problem: _Problem, state: Practice, rollout: Rollout, *keys: Key[Array, "*seeds"]) -> Practice:
    return each(lambda *given: _improve(problem, *given), keys[0].ndim)(state, rollout, *keys)


def _tell(state: Practice, key: PRNGKeyArray) -> tuple[Practice, PracticeInfo]:
    del key
    return state, state.info


def _act(problem: _Problem, state: Practice, *, key: Key[Array, "*seeds"]) -> Rollout:
    """The steps of a round, from new episodes on."""
    spec, envs = problem.spec, problem.envs
    reset_key, collect_key = split_each(key, 2)
    at_random = state.number < spec.random_rounds if spec.collect else jnp.ones(key.shape, bool)
    carry = each(lambda policy: first_carries(policy, spec.num_envs), key.ndim)(state.policy)
    trials = each(lambda key: envs.reset(key=key), key.ndim)(reset_key)._replace(carry=carry)
    acting = each(Practicing, key.ndim)(jnp.asarray(at_random))
    return envs.collect(state.policy, acting, trials, num_steps=problem.max_steps, key=collect_key)[1]


def _improve(
    problem: _Problem, state: Practice, rollout: Rollout, extend_key: PRNGKeyArray, learn_key: PRNGKeyArray
) -> Practice:
    asked = jnp.zeros(rollout.outcome.terminated.shape, bool)
    aggregate = extend(state.aggregate, rollout, asked, key=extend_key)
    state = state._replace(aggregate=aggregate, number=state.number + 1)
    state, loss = _learn(problem, state, key=learn_key)
    ended = rollout.outcome.terminated | rollout.outcome.truncated
    last = rollout.outcome.next_obs
    away = jax.vmap(jax.vmap(distance))(last[ACHIEVED], last[DESIRED])
    count = jnp.sum(ended)
    there = jnp.sum(ended & (away <= problem.tolerance)) / count
    return state._replace(info=PracticeInfo(jnp.sum(jnp.where(ended, away, 0.0)) / count, loss, there))


def _learn(problem: _Problem, state: Practice, *, key: PRNGKeyArray) -> tuple[Practice, Float[Array, ""]]:
    """Clones how it got to where it got; draws for all gradient steps at once, which takes a fraction of the time."""
    spec, rows, max_steps = problem.spec, state.aggregate.transitions, problem.max_steps
    draw_key, loss_key = jax.random.split(key)
    fitted = state.policy.fitted(rows)
    space = fitted.spaces.observation  # what is achieved at first is little of what is asked for: no scale for goals
    trained, fixed = partition(replace_normalizers(fitted, lambda one: within_bounds(one, space)))
    optimizer = optax.adam(spec.learning_rate)
    past, ahead = state.policy.window
    drawn = [
        column.reshape(spec.updates, -1) for column in _draw(spec, state.aggregate, ahead, max_steps, key=draw_key)
    ]

    def step(carried: tuple[PyTree, PyTree], given: tuple[Array, ...]) -> tuple[tuple[PyTree, PyTree], Array]:
        trained, optimizer_state = carried
        chosen, places, steps, key = given
        batch = goal_windows(rows, chosen, places, steps, past, ahead, max_steps)
        value, gradient = jax.value_and_grad(lambda one: mean_loss(eqx.combine(one, fixed), batch, key=key))(trained)
        return descend(optimizer, gradient, optimizer_state, trained), value

    keys = jax.random.split(loss_key, spec.updates)
    (trained, after), losses = jax.lax.scan(step, (trained, state.optimizer), (*drawn, keys))
    return state._replace(policy=eqx.combine(trained, fixed), optimizer=after), jnp.mean(losses)


def _draw(
    spec: GCSL, aggregate: Aggregate, ahead: int, max_steps: int, *, key: PRNGKeyArray
) -> tuple[Int[Array, " draws"], Int[Array, " draws"], Int[Array, " draws"]]:
    """Rows, the places of their goals, and how many steps away these are."""
    rows_key, goal_key = jax.random.split(key)
    rows, count = aggregate.transitions, spec.updates * spec.batch_size
    strategy: Strategy = "uniform" if spec.strategy == "pairs" else spec.strategy
    hindsight = Hindsight.of(rows, strategy, max_steps, discount=spec.discount)
    chosen = hindsight.rows(rows, count, pairs=spec.strategy == "pairs", latest=spec.capacity, key=rows_key)
    return chosen, *hindsight.draw(rows, chosen, ahead, key=goal_key)


def _finish(state: Practice) -> Interaction:
    return Interaction(state.policy, state.aggregate)
