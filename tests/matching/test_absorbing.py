"""Absorbing states: exactly the steps that terminations left, in demonstrations and in trials."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.matching.absorbing import Visits, demonstrated_share, memory_of, visits_of

SPACES = Spaces(observation=Box(shape=(1,), low=-1.0, high=1.0), action=Discrete(size=2))


def episodes(*lengths: int, terminated: tuple[bool, ...]) -> Demonstrations:
    steps, ended = sum(lengths), np.array(terminated)
    return Demonstrations(
        obs=np.zeros((steps + len(lengths), 1), np.float32),
        actions=np.zeros(steps, np.int32),
        rewards=np.zeros(steps, np.float32),
        terminated=ended,
        truncated=~ended,
        lengths=np.array(lengths, np.int32),
        spaces=SPACES,
    )


def test_an_episode_that_terminated_leaves_the_steps_to_the_limit_and_a_cut_one_none() -> None:
    demos = episodes(3, 10, 10, terminated=(True, False, True))
    assert demonstrated_share(demos, 10) == pytest.approx(7 / (7 + 23))
    assert demonstrated_share(demos, 20) == pytest.approx((17 + 10) / (17 + 10 + 23))
    assert demonstrated_share(episodes(10, terminated=(False,)), 20) == 0.0
    assert demonstrated_share(demos, 5) == pytest.approx(2 / (2 + 23))  # longer ones leave nothing


def test_thinning_leaves_the_share_as_it_was() -> None:
    demos = episodes(5, 9, terminated=(True, True))
    thinned = replace(demos, weights=np.array([0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0], np.float32))
    assert demonstrated_share(thinned, 10) == demonstrated_share(demos, 10) == pytest.approx(6 / (6 + 14))


def test_an_episode_counts_as_its_steps_do() -> None:
    demos = episodes(4, 4, terminated=(True, True))
    alone = replace(demos, weights=np.array([1, 1, 1, 1, 0, 0, 0, 0], np.float32))
    other = replace(demos, weights=np.array([2, 2, 2, 2, 1, 1, 1, 1], np.float32))
    cut = replace(other, terminated=np.array([True, False]), truncated=np.array([False, True]))
    assert demonstrated_share(alone, 10) == pytest.approx(6 / 10)
    assert demonstrated_share(other, 10) == pytest.approx((12 + 6) / (12 + 6 + 8 + 4))
    assert demonstrated_share(cut, 10) == pytest.approx(12 / (12 + 8 + 4))


def test_the_steps_of_a_rollout_and_those_that_its_terminations_left_are_counted() -> None:
    terminated = np.zeros((4, 3), bool)
    truncated = np.zeros((4, 3), bool)
    terminated[1, 0] = terminated[3, 0] = True  # episodes of 5 + 2 and 2 steps
    truncated[2, 1] = True  # one of 10 steps, which is followed by nothing
    ages = jnp.array([5, 7, 0], jnp.int32)
    visits = visits_of(ages, jnp.asarray(terminated), jnp.asarray(truncated), 10)
    assert float(visits.real) == 12.0
    assert float(visits.absorbed) == 3.0 + 8.0
    assert float(visits.share) == pytest.approx(11 / 23)
    assert float(Visits.none().share) == 0.0


def test_earlier_visits_fade_as_fast_as_episodes_are_long() -> None:
    assert memory_of(32, 200) == pytest.approx(1 - 32 / 200)
    assert memory_of(200, 200) == memory_of(300, 200) == 0.0
    now = Visits(jnp.asarray(10.0), jnp.asarray(30.0))
    total = Visits(jnp.asarray(20.0), jnp.asarray(0.0)).after(now, 0.5)
    assert (float(total.real), float(total.absorbed)) == (20.0, 30.0)
