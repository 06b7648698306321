"""Steps with goals that their episodes achieved later."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

from ilkit.augment.relabel import Relabel, augment
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import ACHIEVED, DESIRED, STEPS_LEFT
from ilkit.env import point_mass, point_room, reach_grid, recorded
from ilkit.errors import DataError
from ilkit.rollout.episodes import Episodes, rollout
from ilkit.stepping.random_policy import RandomPolicy
from ilkit.testing.problems import demonstrations
from ilkit.testing.stand_ins import wandering

KEY = jax.random.key(0)
STEPS = 8
ROOM = Build("env", "point_room", point_room.env, point_room.PointRoom(max_steps=STEPS, tolerance=1e-6))
DEMOS = wandering(ROOM(), 20)


def relabeled(demos: Demonstrations = DEMOS, env: Build[Any] = ROOM, **settings: Any) -> Demonstrations:
    return augment(Relabel(**{"keep_original": False, **settings}), env, demos, key=KEY)


@pytest.mark.parametrize("strategy", ["uniform", "geometric", "final"])
def test_the_goal_is_what_the_episode_achieved_and_both_observations_of_a_step_ask_for_it(strategy: Any) -> None:
    found = relabeled(strategy=strategy, num_copies=3)
    assert found.num_episodes == found.num_steps == 3 * DEMOS.num_steps
    before, after = found.before(), found.after()
    np.testing.assert_array_equal(before[DESIRED], after[DESIRED])
    rows = np.tile(np.arange(DEMOS.num_steps), 3)
    np.testing.assert_array_equal(before[ACHIEVED], DEMOS.before(rows)[ACHIEVED])
    np.testing.assert_array_equal(after[ACHIEVED], DEMOS.after(rows)[ACHIEVED])
    np.testing.assert_array_equal(found.actions, DEMOS.actions[rows])
    offsets = np.round(before[STEPS_LEFT][:, 0] * STEPS).astype(int)
    places = rows + DEMOS.episode_of(rows) + offsets
    np.testing.assert_array_equal(before[DESIRED], DEMOS.obs[ACHIEVED][places])
    np.testing.assert_allclose(after[STEPS_LEFT], before[STEPS_LEFT] - 1 / STEPS, atol=1e-6)
    left = STEPS - rows % STEPS
    assert (offsets >= 1).all()
    assert (offsets <= left).all()
    assert (offsets == left).all() == (strategy == "final")
    np.testing.assert_array_equal(found.rewards, offsets == 1)  # a step that ends at its goal, and no other


def test_the_horizon_is_the_most_steps_ahead_and_the_originals_stay() -> None:
    found = relabeled(horizon=2, keep_original=True)
    assert found.num_episodes == DEMOS.num_episodes + DEMOS.num_steps
    kept = found.take(np.arange(DEMOS.num_episodes))
    np.testing.assert_array_equal(kept.obs[DESIRED], DEMOS.obs[DESIRED])
    offsets = np.round(found.before()[STEPS_LEFT][DEMOS.num_steps :, 0] * STEPS)
    assert set(offsets) == {1.0, 2.0}


def test_a_random_goal_is_of_another_episode() -> None:
    found = relabeled(strategy="random")
    own = DEMOS.episode_of()
    for row in range(0, DEMOS.num_steps, 7):
        goal = found.before()[DESIRED][row]
        (places,) = np.nonzero((DEMOS.after()[ACHIEVED] == goal).all(axis=1))
        assert len(places)
        assert own[row] not in own[places]
    np.testing.assert_array_equal(found.before()[STEPS_LEFT], DEMOS.before()[STEPS_LEFT])


def test_an_episode_of_one_step_has_one_goal() -> None:
    single = wandering(point_room.env(point_room.PointRoom(max_steps=1)), 5)
    with pytest.warns(UserWarning, match="All of 5 episodes have one step"):
        found = relabeled(single)
    np.testing.assert_array_equal(found.before()[DESIRED], single.after()[ACHIEVED])


def test_recordings_without_an_environment_are_relabeled() -> None:
    nothing = Build("env", "recorded", recorded.env, recorded.Recorded())
    found = relabeled(DEMOS, nothing, tolerance=0.05)
    np.testing.assert_array_equal(found.actions, DEMOS.actions)
    with pytest.raises(DataError, match=r"relabel\.tolerance: must be given where the environment doesn't say"):
        relabeled(DEMOS, nothing)
    with pytest.raises(DataError, match=r"relabel\.demos: observations must be a dict .* a recording gets them by"):
        relabeled(demonstrations(3, "discrete"), nothing, tolerance=0.05)


def test_labels_that_were_not_done_are_warned_of_with_the_figure() -> None:
    spec = Episodes(num_episodes=20, action_noise=1.0, label="intended", stochastic=True)
    noisy = rollout(spec, ROOM, RandomPolicy.of(ROOM().spaces), key=KEY)
    assert noisy.executed is not None
    share = np.mean(noisy.executed != noisy.actions)
    with pytest.warns(UserWarning, match=f"{share:.0%} of the labels aren't what was done"):
        relabeled(noisy)


def test_without_a_tolerance_goals_of_real_numbers_are_never_reached() -> None:
    with pytest.warns(UserWarning, match="Set tolerance above 0"):
        relabeled(tolerance=0.0)
    grid = Build("env", "reach_grid", reach_grid.env, reach_grid.ReachGrid())
    found = relabeled(wandering(grid(), 3), grid)
    offsets = np.round(found.before()[STEPS_LEFT][:, 0] * 8)
    assert (found.rewards[offsets == 1] == 1).all()


def test_what_has_no_goals_or_no_state_to_be_one_is_refused() -> None:
    mass = Build("env", "point_mass", point_mass.env, point_mass.PointMass())
    with pytest.raises(DataError, match=r"augment\.relabel\.env: observations must be a dict with achieved_goal"):
        relabeled(wandering(mass(), 2), mass)
    with pytest.raises(DataError, match="horizon: must be at most the steps of the longest episode, 8, got 9"):
        relabeled(horizon=9)
    with pytest.raises(DataError, match="another episode to take goals from"):
        relabeled(DEMOS.take(np.asarray([0])), strategy="random")


def test_weights_and_what_was_done_go_with_their_steps() -> None:
    weights = np.arange(DEMOS.num_steps, dtype=np.float32)
    found = relabeled(replace(DEMOS, weights=weights), num_copies=2)
    np.testing.assert_array_equal(found.weights, np.tile(weights, 2))
