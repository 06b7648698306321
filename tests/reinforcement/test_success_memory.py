"""Whole episodes are kept, wherever rollouts cut them, and drawn step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.spaces import Box, Spaces
from ilkit.reinforcement.success_memory import Ends, SuccessMemory, Underway, best_share
from ilkit.stepping.records import Outcome

SPACES = Spaces(observation=Box.symmetric((9.0,)), action=Box.symmetric((9.0,)))
NEVER = jnp.zeros((2, 2), bool)


def rollout(numbers: list[list[float]], ended: list[list[int]]) -> tuple[jax.Array, jax.Array, Outcome]:
    """Steps whose observations are these numbers, whose actions are their halves and whose rewards they are."""
    values = jnp.asarray(numbers, jnp.float32)
    ends = jnp.asarray(ended, bool)
    return values[..., None], values[..., None] / 2, Outcome(values, values[..., None], ends, jnp.zeros_like(ends))


def two_rollouts() -> tuple[Underway, Underway, Ends]:
    """An episode 1, 2, 3 of the first environment, cut by a rollout, and 5, 6 and 7 of the second one."""
    underway = Underway.empty(3, 2, SPACES)
    underway, _, ends = underway.add(*rollout([[1, 5], [2, 6]], [[0, 0], [0, 1]]))
    np.testing.assert_array_equal(ends.returns[1], [3, 11])
    return underway.add(*rollout([[3, 7], [4, 8]], [[1, 1], [0, 0]]))


def test_an_episode_is_whole_though_a_rollout_cuts_it() -> None:
    underway, steps, ends = two_rollouts()
    np.testing.assert_array_equal(ends.lengths[0], [3, 1])
    np.testing.assert_array_equal(ends.returns[0], [6, 7])
    np.testing.assert_array_equal(underway.lengths, [1, 1])
    memory = SuccessMemory.empty(4, 3, SPACES).add(steps, ends, ends.ended)
    assert int(memory.num_held) == 2
    np.testing.assert_array_equal(memory.lengths, [3, 1, 0, 0])
    np.testing.assert_array_equal(memory.obs[0, :, 0], [1, 2, 3])
    np.testing.assert_array_equal(memory.actions[1, 0], [3.5])


def test_the_newest_episodes_replace_the_oldest_and_what_is_not_chosen_is_left_out() -> None:
    _, steps, ends = two_rollouts()
    first, second = (ends.ended & (jnp.arange(2) == env) for env in range(2))
    memory = SuccessMemory.empty(2, 3, SPACES)
    memory = memory.add(steps, ends, NEVER)
    assert int(memory.count) == 0
    for chosen in (first, second, second):
        memory = memory.add(steps, ends, chosen)
    assert (int(memory.count), int(memory.num_held)) == (3, 2)
    np.testing.assert_array_equal(memory.lengths, [1, 1])
    np.testing.assert_array_equal(memory.obs[:, 0, 0], [7, 7])


def test_steps_are_drawn_alike_often_with_those_around_them() -> None:
    _, steps, ends = two_rollouts()
    memory = SuccessMemory.empty(4, 3, SPACES).add(steps, ends, ends.ended)
    drawn = memory.draw(4000, 1, 1, key=jax.random.key(0))
    present, counts = np.unique(np.asarray(drawn.obs[:, 1, 0]), return_counts=True)
    np.testing.assert_array_equal(present, [1, 2, 3, 7])
    assert (np.abs(counts / 4000 - 0.25) < 0.03).all()
    at = {number: int(np.argmax(np.asarray(drawn.obs[:, 1, 0]) == number)) for number in (1, 2, 7)}
    np.testing.assert_array_equal(drawn.mask[at[1]], [False, True, True])
    np.testing.assert_array_equal(drawn.obs[at[2], :, 0], [1, 2, 3])
    np.testing.assert_array_equal(drawn.mask[at[7]], [False, True, False])


def test_an_empty_memory_gives_what_a_loss_survives() -> None:
    drawn = SuccessMemory.empty(2, 3, SPACES).draw(5, 0, 2, key=jax.random.key(0))
    assert drawn.mask[:, 0].all()
    assert np.isfinite(drawn.obs).all()


@pytest.mark.parametrize(("share", "best"), [(0.3, {9.0}), (0.5, {9.0, 5.0}), (1.0, {9.0, 5.0, 1.0})])
def test_the_best_share_is_of_what_has_ended(share: float, best: set[float]) -> None:
    ended = jnp.array([[True, False], [True, True]])
    ends = Ends(ended, jnp.ones((2, 2), jnp.int32), jnp.array([[1.0, 20.0], [9.0, 5.0]]))
    chosen = best_share(ends, share)
    assert set(np.asarray(ends.returns)[np.asarray(chosen)].tolist()) == best


def test_of_equal_episodes_no_more_than_the_share_are_the_best() -> None:
    ends = Ends(jnp.ones((5, 2), bool), jnp.ones((5, 2), jnp.int32), jnp.zeros((5, 2)))
    assert int(best_share(ends, 0.2).sum()) == 2
