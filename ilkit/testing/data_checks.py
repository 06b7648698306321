"""Checks of demonstrations, made or learnt from.

Their padding and what counts nothing are ignored, their actions are near the space.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from ilkit.data.aggregate import Interaction
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Space
from ilkit.data.windows import Transitions
from ilkit.errors import DataError
from ilkit.testing.comparison import difference, expect
from ilkit.testing.subject import Subject


def padding_changes_no_bit(subject: Subject) -> None:
    """What stands in the rows behind the last step doesn't matter."""
    stained = [_stained(one) if isinstance(one, Demonstrations) else one for one in subject.positional()]
    found = difference(subject.outcome(), subject.train_on(tuple(stained)))
    expect(
        not found,
        f"The rows behind the last step must not matter, but they change {found}. Draw from the first `count` rows, "
        "and sum by `valid`.",
    )


def what_counts_nothing_changes_no_bit(subject: Subject) -> None:
    """Actions of weight 0, and observations that belong to no other step, don't matter to what is learnt."""
    given = [
        [_thinned(one, stain) if isinstance(one, Demonstrations) else one for one in subject.positional()]
        for stain in (False, True)
    ]
    try:
        outcomes = [_learnt(subject.train_on(tuple(one))) for one in given]
    except DataError as error:
        expect("count" in str(error), f"Who can't do with weights must say so, but says: {error}")
        return
    found = difference(*outcomes)
    expect(
        not found,
        f"Steps of weight 0 must not matter, but they change {found}. Draw by `draw_rows`, and sum by `counted`.",
    )


def actions_are_near_their_space(subject: Subject) -> None:
    """Recorded actions are at most once the width of the space outside of it."""
    demos: Demonstrations = subject.outcome()
    expect_near(demos.actions, demos.spaces.action, 1.0, "actions")


def expect_near(actions: Any, space: Space, widths: float, name: str) -> None:
    """Fails where actions are further outside of a continuous space than so many times its width."""
    if not isinstance(space, Box):
        return
    low, high = space.bounds
    margin = widths * (high - low)
    expect(
        ((actions >= low - margin) & (actions <= high + margin)).all(),
        f"{name} must not be far outside of the space {low} to {high}, but go from {np.min(actions, axis=0)} to "
        f"{np.max(actions, axis=0)}. Mind their units and their center.",
    )


class _Stained(Demonstrations):
    """Demonstrations whose padding holds ones instead of zeros."""

    def transitions(self) -> Transitions:
        """The same steps with other padding."""
        rows = super().transitions()
        steps, seen = rows.count, rows.count + rows.num_episodes
        return rows._replace(
            obs=jax.tree.map(lambda column: _with_ones(column, seen), rows.obs),
            actions=_with_ones(rows.actions, steps),
            rewards=_with_ones(rows.rewards, steps),
            terminated=_with_ones(rows.terminated, steps),
        )


def _stained(demos: Demonstrations) -> Demonstrations:
    return _Stained(**vars(demos))


def _thinned(demos: Demonstrations, stain: bool) -> Demonstrations:
    """Every third step counts; with `stain`, others hold other actions, and other observations between them."""
    counted = (np.arange(demos.num_steps) - demos.starts[demos.episode_of()]) % 3 == 0
    thinned = dataclasses.replace(demos, weights=counted.astype(np.float32))
    if not stain:
        return thinned
    rows = np.arange(demos.num_steps) + demos.episode_of()
    seen = np.zeros(demos.num_obs, bool)
    seen[rows[counted]] = seen[rows[counted] + 1] = True

    def changed(column: np.ndarray, kept: np.ndarray) -> np.ndarray:
        return np.where(kept.reshape(-1, *[1] * (column.ndim - 1)), column, column[::-1])

    actions, obs = changed(demos.actions, counted), jax.tree.map(lambda column: changed(column, seen), demos.obs)
    return dataclasses.replace(thinned, actions=actions, obs=obs)


def _learnt(seeds: Seeds[Any]) -> Any:
    """What was learnt, without the data that were gathered for it."""
    learnt = seeds.stacked
    return learnt.policy if isinstance(learnt, Interaction) else learnt


def _with_ones(column: Array, used: Int[Array, ""]) -> Array:
    mask = (jnp.arange(len(column)) < used).reshape(-1, *[1] * (column.ndim - 1))
    return jnp.where(mask, column, jnp.ones((), column.dtype))
