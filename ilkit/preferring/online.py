"""Alignment that asks about its own tries: a round tries, asks, keeps the answers and learns from all of them so far.

Both tries of a pair come from one start. Those of the present policy grow alike while it learns, and equal actions are
not asked about, for no answer could tell them apart: with `pairing: policy` a share of the questions is wasted that
grows until nothing is learnt. With a try of the reference, a pair stays a comparison with what was there before.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.labeler import Labeler
from ilkit.data.policy import Policy
from ilkit.data.preferences import Clips
from ilkit.data.spaces import check_spaces, zeros
from ilkit.data.training import Training, names_of
from ilkit.errors import refuse
from ilkit.preferring.alignment import Aligned, AlignmentInfo, Answered, descend_once, draw_pairs, start_from, sums_of
from ilkit.preferring.likelihood import Acts
from ilkit.preferring.objectives import Objective
from ilkit.preferring.online_spec import OnlineSpec
from ilkit.preferring.tries import equal_actions, furthest_apart, starts_of, tried

_INTRODUCED = 256


class OnlineInfo(NamedTuple):
    """The learning curves of alignment by questions; those of the answers are means over the gradient steps."""

    accuracy: Float[Array, ""]
    answers: Float[Array, ""]
    """How many answers there are so far."""
    chosen_reward: Float[Array, ""]
    loss: Float[Array, ""]
    margin: Float[Array, ""]
    rejected_reward: Float[Array, ""]
    return_: Float[Array, ""]
    """The mean return of the policy's own tries, as long as they are."""
    wasted: Float[Array, ""]
    """The share of pairs that weren't asked about, for the same was done in both."""


class _State(NamedTuple):
    aligned: Aligned
    reference: Policy
    labeler: Labeler
    answered: Answered
    """All answers so far, the rest of the rows empty."""
    count: Int[Array, ""]  # type: ignore[assignment]
    questions: Int[Array, ""]
    """How many pairs there were, asked about or not."""


def train_online(
    spec: OnlineSpec,
    kind: str,
    objective: Objective,
    labeler: Build[Labeler],
    env: Build[Environment | HostEnvironment],
    reference: Policy,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """The training run of a kind.

    **Raises:** `DataError` where the reference has no density or other spaces, the environment is on the host or its
    states can't be drawn uniformly, or the labeler answers only between runs.
    """
    world = env()
    refuse(f"align_online.{kind}", (*spec.faults(world), *spec.policy_faults(reference, {})))
    assert isinstance(world, Environment)
    check_spaces(world.spaces, reference.spaces)
    return Training(
        _begin(spec, objective, labeler, world, reference, key),
        Partial(_step, spec, objective, world),
        Partial(_policy_of),
        spec.num_steps,
        env_steps_per_step=spec.queries_per_step * spec.tries_per_query * spec.steps_of(world),
        info_names=names_of(OnlineInfo),
    )


@eqx.filter_jit
def _begin(
    spec: OnlineSpec,
    objective: Objective,
    labeler: Build[Labeler],
    world: Environment,
    reference: Policy,
    key: PRNGKeyArray,
) -> _State:
    """The reference, no answers, and a labeler that has seen what tries are like."""
    starts_key, tries_key = jax.random.split(key)
    starts = starts_of(world, _INTRODUCED, uniform=spec.initial_states == "uniform", key=starts_key)
    shown = tried(world, reference, starts, spec.steps_of(world), key=tries_key)
    introduced = labeler().fitted(shown)
    introduced.answers(shown, shown, jnp.arange(_INTRODUCED), key=key)  # refused here, where it can't be asked inside
    room = (2, spec.num_steps * spec.queries_per_step)
    clips, spaces = (*room, spec.steps_of(world)), world.spaces
    obs, actions = jax.tree.map(jnp.asarray, (zeros(spaces.observation, *clips), zeros(spaces.action, *clips)))
    answered = Answered(
        Acts(obs, actions, jnp.zeros(clips, bool)), jnp.full(room[1], 0.5, jnp.float32), jnp.zeros(room)
    )
    nothing = jnp.zeros((), jnp.int32)
    return _State(start_from(spec, reference), reference, introduced, answered, nothing, nothing)


def _step(
    spec: OnlineSpec, objective: Objective, world: Environment, state: _State, key: PRNGKeyArray
) -> tuple[_State, OnlineInfo]:
    pairs_key, labeler_key, batches_key = jax.random.split(key, 3)
    first, second, returned = _pairs(spec, objective, world, state, key=pairs_key)
    equal = equal_actions(first, second)
    numbers = state.questions + jnp.arange(spec.queries_per_step)
    answers = state.labeler.answers(first, second, numbers, key=labeler_key)
    acts = Acts.of(first, second)
    asked = Answered(acts, jnp.asarray(answers.probability), sums_of(objective, state.reference, acts))
    answered, count = _kept(state, asked, ~equal & answers.answered)
    aligned, told = _learn(spec, objective, state.aligned, answered, count, key=batches_key)
    info = OnlineInfo(
        **told._asdict(),
        answers=count.astype(jnp.float32),
        return_=returned,
        wasted=jnp.mean(equal.astype(jnp.float32)),
    )
    questions = state.questions + spec.queries_per_step
    return state._replace(aligned=aligned, answered=answered, count=count, questions=questions), info


def _pairs(
    spec: OnlineSpec, objective: Objective, world: Environment, state: _State, *, key: PRNGKeyArray
) -> tuple[Clips, Clips, Float[Array, ""]]:
    """The pairs of a round, and what the policy's own tries returned."""
    starts_key, *keys = jax.random.split(key, 1 + spec.tries_per_query)
    starts = starts_of(world, spec.queries_per_step, uniform=spec.initial_states == "uniform", key=starts_key)
    policy, length = state.aligned.policy, spec.steps_of(world)
    if spec.pairing != "best_worst":
        other = state.reference if spec.pairing == "policy_reference" else policy
        first, second = (
            tried(world, one, starts, length, key=key) for one, key in zip((policy, other), keys, strict=True)
        )
        return first, second, jnp.mean(jnp.sum(first.rewards, axis=-1))
    tries = jax.vmap(lambda key: tried(world, policy, starts, length, key=key))(jnp.stack(keys))
    acts = Acts(tries.obs, tries.actions, tries.mask)
    gains = sums_of(objective, policy, acts) - sums_of(objective, state.reference, acts)
    return *furthest_apart(tries, gains), jnp.mean(jnp.sum(tries.rewards, axis=-1))


def _kept(state: _State, asked: Answered, taken: Bool[Array, " queries"]) -> tuple[Answered, Int[Array, ""]]:
    """All answers so far, with those of this round that there are."""
    room = len(state.answered.probability)
    places = jnp.where(taken, state.count + jnp.cumsum(taken) - 1, room)

    def put(column: Array, new: Array) -> Array:
        return column.at[:, places].set(new, mode="drop")

    acts = jax.tree.map(put, state.answered.acts, asked.acts)
    probability = state.answered.probability.at[places].set(asked.probability, mode="drop")
    kept = Answered(acts, probability, put(state.answered.reference, asked.reference))
    return kept, state.count + jnp.sum(taken).astype(jnp.int32)


def _learn(
    spec: OnlineSpec,
    objective: Objective,
    aligned: Aligned,
    answered: Answered,
    count: Int[Array, ""],
    *,
    key: PRNGKeyArray,
) -> tuple[Aligned, AlignmentInfo]:
    """Gradient steps on batches of all answers; without any, rows that are empty change nothing."""

    def step(aligned: Aligned, key: PRNGKeyArray) -> tuple[Aligned, AlignmentInfo]:
        rows = draw_pairs(jnp.maximum(count, 1), spec.batch_size, key=key)
        return descend_once(spec, objective, aligned, answered.take(rows))

    keys = jax.random.split(key, spec.queries_per_step * spec.updates_per_query)
    aligned, told = jax.lax.scan(step, aligned, keys)
    return aligned, jax.tree.map(jnp.mean, told)


def _policy_of(state: _State) -> Policy:
    return state.aligned.policy
