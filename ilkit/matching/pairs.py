"""Steps as rows for a discriminator: those of the demonstrations, of a rollout, and of rollouts before it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.windows import Transitions
from ilkit.fitting.gradient import draw_rows
from ilkit.reinforcement.steps import flat
from ilkit.stepping.records import Rollout


class Pairs(NamedTuple):
    """Steps, one a row."""

    obs: PyTree
    actions: Array
    next_obs: PyTree
    terminated: Bool[Array, " rows"]


class Replay(NamedTuple):
    """The steps of the last iterations, an iteration a row."""

    pairs: Pairs
    count: Int[Array, ""]  # type: ignore[assignment]
    """How many iterations there were."""


def pairs_of(rollout: Rollout) -> Pairs:
    """The steps of a rollout."""
    outcome = rollout.outcome
    return Pairs(*flat((rollout.obs, rollout.actions, outcome.next_obs, outcome.terminated)))


def draw_demonstrated(transitions: Transitions, count: int, *, key: PRNGKeyArray) -> Pairs:
    """Draws so many demonstrated steps, in proportion to their weights."""
    rows = draw_rows(transitions, count, key=key)
    return Pairs(
        transitions.before(rows), transitions.actions[rows], transitions.after(rows), transitions.terminated[rows]
    )


def empty_replay(example: Pairs, num_iterations: int) -> Replay:
    """Room for the steps of so many iterations; `example` is of the shapes of one."""
    pairs = jax.tree.map(lambda rows: jnp.zeros((num_iterations, *rows.shape), rows.dtype), example)
    return Replay(pairs, jnp.zeros((), jnp.int32))


def remember(replay: Replay, pairs: Pairs) -> Replay:
    """The steps of an iteration in the place of the oldest ones."""
    room = len(replay.pairs.terminated)
    kept = jax.tree.map(lambda rows, new: rows.at[replay.count % room].set(new), replay.pairs, pairs)
    return Replay(kept, replay.count + 1)


def draw_replayed(replay: Replay, rows: Int[Array, " batch"], *, key: PRNGKeyArray) -> Pairs:
    """These rows, each of an iteration that is drawn."""
    room = len(replay.pairs.terminated)
    known = jnp.minimum(replay.count, room).astype(jnp.uint32)
    iterations = (jax.random.bits(key, rows.shape, jnp.uint32) % known).astype(jnp.int32)
    drawn: Pairs = jax.tree.map(lambda kept: kept[iterations, rows], replay.pairs)
    return drawn


def draw_uniformly(size: int, count: int, *, key: PRNGKeyArray) -> Int[Array, " count"]:
    """Draws so many of the first `size` rows, with replacement."""
    return (jax.random.bits(key, (count,), jnp.uint32) % jnp.uint32(size)).astype(jnp.int32)


def weighted_mean(numbers: Float[Array, " rows"], absorbed: Float[Array, ""] | None, share: Array) -> Float[Array, ""]:
    """The mean over steps, and over the absorbing state with its share."""
    mean = jnp.mean(numbers)
    return mean if absorbed is None else (1.0 - share) * mean + share * absorbed
