"""Demonstrations that grow: rows, episodes and observations stay where they belong."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.aggregate import Aggregate
from ilkit.errors import DataError
from ilkit.interaction.aggregation import begin, doubt_threshold, extend, takeovers
from ilkit.interaction.team import Answer
from ilkit.stepping.records import Outcome, Rollout
from ilkit.testing.problems import demonstrations

STEPS, ENVS = 6, 2


def rollout(ended: np.ndarray, drove: np.ndarray, doubt: np.ndarray) -> Rollout:
    """Observation t of environment e is (e, t); what follows an episode's last one isn't what the next begins with."""
    times, envs = np.meshgrid(np.arange(STEPS), np.arange(ENVS), indexing="ij")
    obs = np.stack([envs, times], axis=-1).astype(np.float32)
    answer = Answer(jnp.asarray(obs), jnp.asarray(drove), jnp.asarray(doubt, jnp.float32))
    outcome = Outcome(
        jnp.asarray(times, jnp.float32), jnp.asarray(obs + 0.5), jnp.asarray(ended), jnp.zeros_like(ended)
    )
    return Rollout(jnp.asarray(obs), jnp.asarray(-obs), answer, outcome)


@pytest.fixture
def grown() -> Aggregate:
    ended = np.zeros((STEPS, ENVS), bool)
    ended[2, 0] = True
    drove = np.zeros((STEPS, ENVS), bool)
    drove[1:3, 0] = drove[4:, 1] = True
    found = begin(demonstrations(3, "continuous"), 2 * STEPS * ENVS, 1, key=jax.random.key(0))
    return extend(found, rollout(ended, drove, np.full((STEPS, ENVS), 0.5)), jnp.asarray(drove), key=jax.random.key(1))


def test_episodes_follow_each_other(grown: Aggregate) -> None:
    before = demonstrations(3, "continuous")
    demos = grown.demonstrations()
    assert demos.lengths.tolist() == [*before.lengths.tolist(), 3, 3, 6]
    assert demos.terminated.tolist() == [*before.terminated.tolist(), True, False, False]
    assert np.array_equal(demos.take(np.arange(3)).obs, before.obs)
    first, second, third = (demos.take(np.asarray([index])) for index in (3, 4, 5))
    assert first.obs.tolist() == [[0, 0], [0, 1], [0, 2], [0.5, 2.5]]
    assert second.obs.tolist() == [[0, 3], [0, 4], [0, 5], [0.5, 5.5]]
    assert third.obs[:, 0].tolist() == [1, 1, 1, 1, 1, 1, 1.5]
    assert first.rewards.tolist() == [0, 1, 2]


def test_labels_stand_where_the_expert_answered_and_actions_elsewhere(grown: Aggregate) -> None:
    first = grown.demonstrations().take(np.asarray([3]))
    assert first.actions.tolist() == [[0, 0], [0, 1], [0, 2]]
    executed = np.asarray(grown.executed)[int(grown.num_demonstrated) :][:3]
    assert executed.tolist() == [[0, 0], [0, -1], [0, -2]]
    assert int(grown.num_labels) == 4


def test_what_was_answered_is_stretches_of_labeled_steps(grown: Aggregate) -> None:
    answered = grown.answered()
    assert answered.lengths.tolist() == [*demonstrations(3, "continuous").lengths.tolist(), 2, 2]
    first, second = (answered.take(np.asarray([index])) for index in (3, 4))
    assert first.obs.tolist() == [[0, 1], [0, 2], [0.5, 2.5]]
    assert first.terminated.tolist() == [True]
    assert second.obs.tolist() == [[1, 4], [1, 5], [1.5, 5.5]]


def test_taking_over_counts_once_until_it_is_given_back(grown: Aggregate) -> None:
    assert int(takeovers(grown, grown.num_demonstrated).sum()) == 2
    assert int(takeovers(grown, jnp.zeros((), jnp.int32)).sum()) == 5  # the demonstrations are the expert's episodes


def test_the_threshold_of_doubt_is_the_mean_of_the_last_quarter() -> None:
    found = begin(demonstrations(3, "continuous"), 16 * ENVS, 1, key=jax.random.key(0))
    for first in (1.0, 5.0):  # the expert takes over at every other step of the first environment
        drove = np.zeros((8, ENVS), bool)
        drove[::2, 0] = True
        doubt = np.zeros((8, ENVS), np.float32)
        doubt[::2, 0] = first + np.arange(4.0)
        zeros, nothing = jnp.zeros((8, ENVS, 2)), jnp.zeros((8, ENVS), bool)
        answer = Answer(zeros, jnp.asarray(drove), jnp.asarray(doubt))
        round_ = Rollout(zeros, zeros, answer, Outcome(jnp.zeros((8, ENVS)), zeros, nothing, nothing))
        found = extend(found, round_, jnp.asarray(drove), key=jax.random.key(0))
    assert float(doubt_threshold(found)) == 7.5


def test_members_hold_rows_as_a_bootstrap_does() -> None:
    demos = demonstrations(200, "continuous")
    held = np.asarray(begin(demos, 0, 8, key=jax.random.key(0)).multiplicity)[:, : demos.num_steps]
    assert abs(held.mean() - 1.0) < 0.03
    assert abs(held.var() - 1.0) < 0.05
    assert np.corrcoef(held[0], held[1])[0, 1] < 0.1


def test_what_counts_nothing_is_kept_but_not_taught() -> None:
    demos = demonstrations(3, "continuous")
    weights = (np.arange(demos.num_steps) % 2).astype(np.float32)
    ended = np.zeros((STEPS, ENVS), bool)
    thinned = begin(replace(demos, weights=weights), 2 * STEPS * ENVS, 2, key=jax.random.key(0))
    asked = rollout(ended, ended, np.zeros((STEPS, ENVS)))
    found = extend(thinned, asked, jnp.ones((STEPS, ENVS), bool), key=jax.random.key(1))
    np.testing.assert_array_equal(found.taught[: demos.num_steps], weights > 0)
    assert (np.asarray(found.multiplicity)[:, : demos.num_steps][:, weights == 0] == 0).all()
    everything = found.demonstrations()
    np.testing.assert_array_equal(everything.weights, [*weights, *np.ones(STEPS * ENVS)])
    assert everything.lengths.tolist()[:3] == demos.lengths.tolist()
    with pytest.raises(DataError, match="Learning by interaction takes all steps that count alike"):
        begin(replace(demos, weights=weights + 0.5), 4, 1, key=jax.random.key(0))
