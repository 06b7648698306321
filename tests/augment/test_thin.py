"""Every k-th step counts, from an offset drawn for each episode on."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from ilkit.augment.thin import Thin, augment
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Spaces
from ilkit.env import point_mass
from ilkit.errors import DataError

KEY = jax.random.key(0)
WORLD = Build("env", "point_mass", point_mass.env, point_mass.PointMass())


def episodes(lengths: list[int]) -> Demonstrations:
    steps, count = sum(lengths), len(lengths)
    box = Box(low=(-np.inf,), high=(np.inf,))
    return Demonstrations(
        obs=np.arange(steps + count, dtype=np.float32)[:, None],
        actions=np.arange(steps, dtype=np.float32)[:, None],
        rewards=np.ones(steps, np.float32),
        terminated=np.zeros(count, bool),
        truncated=np.ones(count, bool),
        lengths=np.asarray(lengths, np.int32),
        spaces=Spaces(observation=box, action=box),
    )


def test_every_kth_step_counts_from_an_offset_of_the_episode_on() -> None:
    demos = episodes([23] * 200)
    thinned = augment(Thin(every=5), WORLD, demos, key=KEY)
    rows = thinned.weights.reshape(200, 23)
    offsets = rows.argmax(axis=1)
    for row, offset in zip(rows, offsets, strict=True):
        np.testing.assert_array_equal(np.flatnonzero(row), np.arange(offset, 23, 5))
    assert set(np.unique(rows)) == {0.0, 1.0}
    np.testing.assert_allclose(np.bincount(offsets, minlength=5) / 200, 0.2, atol=0.1)


def test_nothing_else_changes() -> None:
    demos = episodes([7, 3, 11])
    thinned = augment(Thin(every=4), WORLD, demos, key=KEY)
    jax.tree.map(np.testing.assert_array_equal, replace(thinned, weights=None), demos)
    assert augment(Thin(every=1), WORLD, demos, key=KEY) is demos


def test_another_key_draws_other_offsets_and_an_episode_that_is_shorter_keeps_a_step() -> None:
    demos = episodes([1, 2, 3] * 20)
    one, other = (augment(Thin(every=10), WORLD, demos, key=jax.random.key(seed)).weights for seed in (0, 1))
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(np.add.reduceat(one, demos.starts), 1.0)


def test_what_counted_nothing_before_counts_nothing() -> None:
    demos = episodes([10])
    halved = augment(Thin(every=2), WORLD, replace(demos, weights=np.linspace(0.0, 0.9, 10, dtype=np.float32)), key=KEY)
    kept = np.flatnonzero(halved.weights)
    np.testing.assert_allclose(halved.weights[kept], kept / 10, rtol=1e-6)
    single = augment(Thin(every=10), WORLD, replace(demos, weights=1.0 - halved.weights), key=KEY)
    with pytest.raises(DataError, match="Thin out less"):
        augment(Thin(every=10), WORLD, replace(demos, weights=(single.weights == 0.0).astype(np.float32)), key=KEY)


def test_the_first_episodes_are_taken_and_no_more_than_there_are() -> None:
    taken = augment(Thin(every=2, num_episodes=2), WORLD, episodes([4, 6, 8]), key=KEY)
    assert taken.lengths.tolist() == [4, 6]
    assert taken.num_counted == 5
    assert augment(Thin(every=1, num_episodes=1), WORLD, episodes([4, 6]), key=KEY).weights is None
    with pytest.raises(DataError, match="at most the number of episodes, 3, got 4"):
        augment(Thin(num_episodes=4), WORLD, episodes([4, 6, 8]), key=KEY)
