"""Letting demonstrations grow: every round's steps behind those before them, in arrays of one size (Ross et al., 2011).

Each member of an ensemble holds every labeled row as often as it drew when the row came in, from Poisson(1): the
bootstrap of data that arrive one by one (Oza and Russell, 2001).
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.aggregate import Aggregate
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.windows import Transitions
from ilkit.stepping.records import Rollout

_POISSON = np.cumsum([math.exp(-1.0) / math.factorial(count) for count in range(10)]).astype(np.float32)


def begin(demos: Demonstrations, more: int, num_members: int, *, key: PRNGKeyArray) -> Aggregate:
    """The demonstrations, with room for so many more steps, whatever episodes they form.

    **Raises:** `DataError` where some of the steps that count do so more than others.
    """
    demos.check_equal_weights("Learning by interaction")
    rows = demos.transitions()
    seen = rows.count + rows.num_episodes
    obs = jax.tree.map(lambda column: _extended(column, seen, 2 * more), rows.obs)
    actions, rewards, terminated = (
        _extended(column, rows.count, more) for column in (rows.actions, rows.rewards, rows.terminated)
    )
    episode = _extended(rows.episode, rows.count, more)
    weights = None if rows.weights is None else _extended(rows.weights, rows.count, more)
    rows = Transitions(obs, actions, rewards, terminated, episode, rows.count, rows.num_episodes, weights=weights)
    labeled = rows.valid
    return Aggregate(
        transitions=rows,
        executed=actions,
        labeled=labeled,
        expert_drove=labeled,
        doubt=jnp.zeros(rows.capacity),
        multiplicity=_multiplicity(rows.counted, num_members, key=key),
        num_demonstrated=rows.count,
        spaces=demos.spaces,
    )


def extend(
    aggregate: Aggregate, rollout: Rollout, labeled: Bool[Array, "time envs"], *, key: PRNGKeyArray
) -> Aggregate:
    """Takes the steps of a round in, whose contexts are answers; every environment began an episode with it."""
    rows, answer, outcome = aggregate.transitions, rollout.context, rollout.outcome
    ended = outcome.terminated | outcome.truncated
    begins = jnp.concatenate([jnp.ones_like(ended[:1]), ended[:-1]])
    asked = labeled.reshape(*labeled.shape, *[1] * (answer.label.ndim - 2))
    label = jnp.where(asked, answer.label, rollout.actions).astype(rows.actions.dtype)
    new = _by_env((rollout.obs, outcome.next_obs, rollout.actions, label, outcome.rewards, outcome.terminated))
    obs, next_obs, executed, label, rewards, terminated = new
    begins, labeled, drove, doubt = _by_env((begins, labeled, answer.drove, answer.doubt))
    episode = rows.num_episodes - 1 + jnp.cumsum(begins).astype(rows.episode.dtype)
    places = rows.count + jnp.arange(len(episode)) + episode
    put = partial(_put, rows.count)

    def put_seen(column: Array, before: Array, after: Array) -> Array:
        return column.at[places + 1].set(after).at[places].set(before)

    held = _multiplicity(labeled, len(aggregate.multiplicity), key=key)
    return Aggregate(
        transitions=Transitions(
            obs=jax.tree.map(put_seen, rows.obs, obs, next_obs),
            actions=put(rows.actions, label),
            rewards=put(rows.rewards, rewards),
            terminated=put(rows.terminated, terminated),
            episode=put(rows.episode, episode),
            count=rows.count + len(episode),
            num_episodes=episode[-1] + 1,
            weights=None if rows.weights is None else put(rows.weights, jnp.ones(len(episode))),
        ),
        executed=put(aggregate.executed, executed),
        labeled=put(aggregate.labeled, labeled),
        expert_drove=put(aggregate.expert_drove, drove),
        doubt=put(aggregate.doubt, doubt),
        multiplicity=jax.vmap(put)(aggregate.multiplicity, held),
        num_demonstrated=aggregate.num_demonstrated,
        spaces=aggregate.spaces,
    )


def takeovers(aggregate: Aggregate, first: Int[Array, ""]) -> Bool[Array, " capacity"]:
    """The rows from `first` on at which the expert began to act, after the policy or at the start of an episode."""
    rows = aggregate.transitions
    same = jnp.concatenate([jnp.zeros(1, bool), rows.episode[1:] == rows.episode[:-1]])
    before = jnp.concatenate([jnp.zeros(1, bool), aggregate.expert_drove[:-1]])
    return aggregate.expert_drove & ~(same & before) & (jnp.arange(rows.capacity) >= first) & rows.valid


def doubt_threshold(aggregate: Aggregate) -> Float[Array, ""]:
    """The mean of the last quarter of the doubts at takeovers; 0 before there is one (Kelly et al., 2019)."""
    taken = takeovers(aggregate, aggregate.num_demonstrated)
    number, total = jnp.cumsum(taken), jnp.sum(taken)
    last = taken & (number > jnp.floor(0.75 * total))
    return jnp.sum(jnp.where(last, aggregate.doubt, 0.0)) / jnp.maximum(jnp.sum(last), 1)


def _put(start: Int[Array, ""], column: Array, values: Array) -> Array:
    return jax.lax.dynamic_update_slice_in_dim(column, values.astype(column.dtype), start, 0)


def _multiplicity(labeled: Bool[Array, " rows"], num_members: int, *, key: PRNGKeyArray) -> Int[Array, "members rows"]:
    if num_members == 1:
        return labeled[None].astype(jnp.int32)
    drawn = jax.random.uniform(key, (num_members * len(labeled),)).reshape(num_members, -1)
    return jnp.where(labeled, jnp.searchsorted(jnp.asarray(_POISSON), drawn), 0).astype(jnp.int32)


def _extended(column: Array, used: Int[Array, ""], more: int) -> Array:
    """With more rows, and zeros in all that aren't used."""
    longer = jnp.concatenate([column, jnp.zeros((more, *column.shape[1:]), column.dtype)])
    mask = (jnp.arange(len(longer)) < used).reshape(-1, *[1] * (longer.ndim - 1))
    return jnp.where(mask, longer, jnp.zeros((), longer.dtype))


def _by_env(columns: PyTree) -> PyTree:
    """One environment's steps after the other's."""
    return jax.tree.map(lambda rows: jnp.swapaxes(rows, 0, 1).reshape(-1, *rows.shape[2:]), columns)
