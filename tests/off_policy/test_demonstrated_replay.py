"""Demonstrations in the batches of an off-policy learner."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.experience import Experience
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.off_policy.demonstrated_replay import DemonstratedReplay, draw_mixed, places_of
from ilkit.off_policy.replay import ReplayBuffer

pytestmark = pytest.mark.bits

SPACES = Spaces(observation=Box.symmetric((9.0,)), action=Box.symmetric((1.0,)))
SHOWN = Demonstrations(
    obs=np.arange(7, dtype=np.float32)[:, None],
    actions=np.zeros((5, 1), np.float32),
    rewards=np.array([1.0, 2.0, 4.0, 8.0, 16.0], np.float32),
    terminated=np.array([True, False]),
    truncated=np.array([False, True]),
    lengths=np.array([3, 2], np.int32),
    spaces=SPACES,
)
OWN = ReplayBuffer.empty(4, SPACES).add(
    Experience(jnp.ones((4, 1)), jnp.ones((4, 1)), jnp.full(4, -1.0), jnp.ones((4, 1)), jnp.zeros(4))
)


def test_every_other_row_is_a_demonstration_where_half_are() -> None:
    steps, returns = draw_mixed(OWN, DemonstratedReplay.of(SHOWN, 0.5), (3, 8), 4, key=jax.random.key(0))
    assert (np.asarray(steps.rewards)[:, 0::2] > 0).all()
    assert (np.asarray(steps.rewards)[:, 1::2] == -1).all()
    assert returns is not None
    assert returns.shape == (3, 4)


@pytest.mark.parametrize(("size", "share"), [(8, 4), (8, 3), (7, 5), (4, 4), (4, 1)])
def test_demonstrations_are_spread_over_a_batch(size: int, share: int) -> None:
    shown, own = places_of(size, share)
    assert len(shown) == share
    assert sorted([*shown, *own]) == list(range(size))
    steps, _ = draw_mixed(OWN, DemonstratedReplay.of(SHOWN, 0.5), (size,), share, key=jax.random.key(0))
    assert (np.flatnonzero(np.asarray(steps.rewards) > 0) == shown).all()


def test_returns_are_discounted_to_the_end_of_the_own_episode() -> None:
    steps, returns = DemonstratedReplay.of(SHOWN, 0.5).draw((500,), key=jax.random.key(1))
    found = dict(zip(np.asarray(steps.rewards).tolist(), np.asarray(returns).tolist(), strict=True))
    assert found == {1.0: 3.0, 2.0: 4.0, 4.0: 4.0, 8.0: 16.0, 16.0: 16.0}


def test_a_demonstrated_step_is_bootstrapped_where_its_episode_was_cut() -> None:
    steps, _ = DemonstratedReplay.of(SHOWN, 0.5).draw((500,), key=jax.random.key(1))
    ended = {(float(reward), float(ended)) for reward, ended in zip(steps.rewards, steps.terminated, strict=True)}
    assert ended == {(1.0, 0.0), (2.0, 0.0), (4.0, 1.0), (8.0, 0.0), (16.0, 0.0)}
    following = {(float(now[0]), float(then[0])) for now, then in zip(steps.obs, steps.next_obs, strict=True)}
    assert following == {(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (4.0, 5.0), (5.0, 6.0)}


def test_without_a_share_the_draw_is_that_of_the_buffer() -> None:
    plain = OWN.draw((2, 6), key=jax.random.key(3))
    for demos in (None, DemonstratedReplay.of(SHOWN, 0.5)):
        drawn, returns = draw_mixed(OWN, demos, (2, 6), 0, key=jax.random.key(3))
        assert returns is None
        assert all(map(np.array_equal, jax.tree.leaves(drawn), jax.tree.leaves(plain)))


def test_steps_that_do_not_count_are_not_drawn_but_are_part_of_what_was_earned_before() -> None:
    thinned = dataclasses.replace(SHOWN, weights=np.array([1.0, 0.0, 0.0, 0.0, 1.0], np.float32))
    steps, returns = DemonstratedReplay.of(thinned, 0.5).draw((500,), key=jax.random.key(1))
    found = set(zip(np.asarray(steps.rewards).tolist(), np.asarray(returns).tolist(), strict=True))
    assert found == {(1.0, 3.0), (16.0, 16.0)}
    with pytest.raises(DataError, match="weights must be 0 or of one size, got 1 to 2"):
        DemonstratedReplay.of(dataclasses.replace(thinned, weights=np.array([1.0, 0.0, 2.0, 2.0, 1.0])), 0.5)
