"""Learning in rounds: act, have the expert answer, aggregate, fit (Ross et al., DAgger, 2011).

In a compiled environment a round is one compiled step. On the host, or with an expert that runs there, it is gathered.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray

from ilkit.data.aggregate import Aggregate, Interaction
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import check_spaces
from ilkit.data.training import Training, names_of
from ilkit.errors import refuse
from ilkit.interaction.aggregation import begin, doubt_threshold, extend, takeovers
from ilkit.interaction.gate import Gate
from ilkit.interaction.learning import draw_members, learn
from ilkit.interaction.seed_axis import each, split_each
from ilkit.interaction.spec import RoundsSpec
from ilkit.interaction.team import Supervised, Team
from ilkit.interaction.validation import Validation
from ilkit.nn.committee import committee_of
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.memory import first_carries
from ilkit.stepping.records import Rollout
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side


class RoundInfo(NamedTuple):
    """What a round tells."""

    demonstrated: Float[Array, ""]
    """The labels that it began with."""
    doubt_threshold: Float[Array, ""]
    """The mean of the last quarter of the doubts of an ensemble at which the expert took over; 0 without any."""
    interventions: Float[Array, ""]
    """How often the expert took over in this round."""
    labels: Float[Array, ""]
    """The answers of the expert so far, without the demonstrations."""
    loss: Float[Array, ""]
    return_: Float[Array, ""]
    """The mean return of the validation episodes of the policy after this round; without any, that of the last complete
    episodes of the round."""


class Round(NamedTuple):
    """All that changes from one round to the next."""

    members: Policy
    """The policies that are fitted, stacked: one, or an ensemble."""
    kept: Policy
    """Those of the best round, where that is kept."""
    best: Float[Array, ""]
    """The return of the best round."""
    aggregate: Aggregate
    gate: Gate
    expert: Policy
    number: Int[Array, ""]
    """The number of rounds so far."""
    validation_key: PRNGKeyArray
    info: RoundInfo


class Kind(NamedTuple):
    """What a kind of `interact` says of its rounds."""

    share: Callable[[Int[Array, ""]], Float[Array, ""]]
    """β of a round, counted from 0: at which share of the steps the expert acts, whatever the gate says."""
    asked: Callable[[Aggregate, Bool[Array, "time envs"]], Bool[Array, "time envs"]]
    """At which steps the expert's answer is kept, by what is there already and where it acted."""


class _Problem(eqx.Module):
    """What all rounds share."""

    spec: RoundsSpec
    kind: Kind
    policy: Callable[..., Policy]
    envs: CompiledEnvs | HostEnvs
    validation: Validation
    length: int = eqx.field(static=True)


def train_in_rounds(
    spec: RoundsSpec,
    kind: Kind,
    gate: Gate,
    policy: Callable[..., Policy],
    world: Environment | HostEnvironment,
    demos: Demonstrations,
    expert: Policy,
    cloned: Policy | None = None,
    *,
    key: PRNGKeyArray,
    num_members: int = 1,
) -> Training[Interaction]:
    """The training run of a kind; it starts from the clone or, where there is none, from one of the demonstrations.

    **Raises:** `DataError` where the kind refuses the policy, or spaces don't fit.
    """
    check_spaces(world.spaces, expert.spaces)
    check_spaces(world.spaces, demos.spaces)
    untrained = eqx.filter_eval_shape(lambda key: policy(world.spaces, key=key), key)
    refuse(f"interact.{spec.kind}", spec.policy_faults(untrained, {}))
    envs, length = side_by_side(world, spec.num_envs), spec.rollout_length or world.max_steps
    problem = _Problem(spec, kind, policy, envs, Validation(world, spec.num_validation_episodes), length)
    aggregate_key, round_key = jax.random.split(key)
    aggregate = begin(demos, spec.num_rounds * spec.num_envs * length, num_members, key=aggregate_key)
    state = _first(spec, policy, gate, aggregate, expert, cloned, num_members, key=round_key)
    described: Any = {
        "num_steps": spec.num_rounds,
        "env_steps_per_step": spec.num_envs * length,
        "info_names": names_of(RoundInfo),
    }
    if isinstance(envs, HostEnvs):
        gather = Partial(_gather, problem)
        return Training(state, Partial(_tell), Partial(_finish, spec), gather=gather, **described)
    return Training(state, Partial(_step, problem), Partial(_finish, spec), **described)


@eqx.filter_jit
def _first(
    spec: RoundsSpec,
    policy: Callable[..., Policy],
    gate: Gate,
    aggregate: Aggregate,
    expert: Policy,
    cloned: Policy | None,
    num_members: int,
    *,
    key: PRNGKeyArray,
) -> Round:
    draw_key, learn_key, gate_key, validation_key = jax.random.split(key, 4)
    if cloned is None:
        drawn = draw_members(policy, aggregate, num_members, key=draw_key)
        members, _ = learn(
            drawn, aggregate, spec.learning_rate, spec.batch_size, spec.num_gradient_steps, key=learn_key
        )
    else:
        members = jax.tree.map(lambda leaf: leaf[None] if eqx.is_array(leaf) else leaf, cloned)
    gate = gate.refitted(aggregate, committee_of(members), key=gate_key)
    nothing = jnp.zeros((), jnp.int32)
    info = RoundInfo(*(jnp.zeros(()) for _ in RoundInfo._fields))
    worst = jnp.full((), -jnp.inf, jnp.float32)
    return Round(members, members, worst, aggregate, gate, expert, nothing, validation_key, info)


def _step(problem: _Problem, state: Round, key: PRNGKeyArray) -> tuple[Round, RoundInfo]:
    collect_key, learn_key = jax.random.split(key)
    rollout, practiced = _collect(problem, state, key=collect_key)
    state = _improve(problem, state, rollout, key=learn_key)
    policy = committee_of(state.members)
    measured = problem.validation.compiled(policy, practiced, key=state.validation_key)
    state = _measured(state, measured)
    return state, state.info


def _gather(problem: _Problem, state: Round, key: Key[Array, "*seeds"]) -> Round:
    """A round on the host; everything has a leading seed axis where the key has one."""
    collect_key, learn_key = split_each(key, 2)
    rollout, practiced = _collect(problem, state, key=collect_key)
    state = _improve_each(problem, state, rollout, learn_key)
    policy = each(committee_of, key.ndim)(state.members)
    measured = problem.validation.on_host(policy, practiced, key=state.validation_key)
    return each(_measured, key.ndim)(state, measured)


def _tell(state: Round, key: PRNGKeyArray) -> tuple[Round, RoundInfo]:
    del key
    return state, state.info


def _collect(problem: _Problem, state: Round, *, key: Key[Array, "*seeds"]) -> tuple[Rollout, Float[Array, "*seeds"]]:
    """The steps of a round from new episodes, and the mean return of those that ended."""
    kind, envs, noise = problem.kind, problem.envs, jnp.asarray(problem.spec.label_noise, jnp.float32)
    team = each(_team, key.ndim)(state)
    acting = each(lambda number: Supervised(kind.share(number), noise), key.ndim)(state.number)
    reset_key, collect_key = split_each(key, 2)
    trials = each(lambda key: envs.reset(key=key), key.ndim)(reset_key)
    carry = each(lambda team: first_carries(team, problem.spec.num_envs), key.ndim)(team)
    trials = trials._replace(carry=carry)
    trials, rollout = envs.collect(team, acting, trials, num_steps=problem.length, key=collect_key)
    return rollout, each(lambda log: log.mean_return, key.ndim)(trials.log)


def _team(state: Round) -> Team:
    learner = committee_of(state.members)
    return Team(
        learner=learner, expert=state.expert, gate=state.gate, normalizer=learner.normalizer, spaces=learner.spaces
    )


def _improve(problem: _Problem, state: Round, rollout: Rollout, *, key: PRNGKeyArray) -> Round:
    spec = problem.spec
    extend_key, draw_key, learn_key, gate_key = jax.random.split(key, 4)
    before = state.aggregate.transitions.count
    asked = problem.kind.asked(state.aggregate, rollout.context.drove)
    aggregate = extend(state.aggregate, rollout, asked, key=extend_key)
    members = state.members
    if spec.restart:
        count = len(aggregate.multiplicity)
        members = draw_members(problem.policy, aggregate, count, key=draw_key)
    members, loss = learn(
        members, aggregate, spec.learning_rate, spec.batch_size, spec.num_gradient_steps, key=learn_key
    )
    gate = state.gate.refitted(aggregate, committee_of(members), key=gate_key)
    info = RoundInfo(
        demonstrated=aggregate.num_demonstrated.astype(jnp.float32),
        doubt_threshold=doubt_threshold(aggregate),
        interventions=jnp.sum(takeovers(aggregate, before)).astype(jnp.float32),
        labels=aggregate.num_labels.astype(jnp.float32),
        loss=loss,
        return_=state.info.return_,
    )
    return state._replace(members=members, aggregate=aggregate, gate=gate, number=state.number + 1, info=info)


@eqx.filter_jit
def _improve_each(problem: _Problem, state: Round, rollout: Rollout, key: Key[Array, "*seeds"]) -> Round:
    """For each seed; the environments on the host have no part in it."""
    without = eqx.tree_at(lambda problem: (problem.envs, problem.validation), problem, (None, None))
    return each(lambda *given: _improve(without, *given[:2], key=given[2]), key.ndim)(state, rollout, key)


def _measured(state: Round, measured: Float[Array, ""]) -> Round:
    better = measured > state.best
    kept = jax.tree.map(
        lambda new, old: jnp.where(better, new, old) if eqx.is_array(new) else new, state.members, state.kept
    )
    info = state.info._replace(return_=measured)
    return state._replace(kept=kept, best=jnp.maximum(measured, state.best), info=info)


def _finish(spec: RoundsSpec, state: Round) -> Interaction:
    return Interaction(committee_of(state.kept if spec.keep == "best" else state.members), state.aggregate)
