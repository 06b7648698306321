"""What adversarial inverse reinforcement learning has learnt at its optimum, and where that is of use.

There the discriminator's f is log π of the expert, whatever the adversary did on the way. pipelines/transfer_grid
learns the same from episodes.
"""

import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.env import grid_world
from ilkit.env.grid_world import GridWorld
from ilkit.math.maximum_entropy import soft_values
from ilkit.measuring.occupancies import correlation, planned, random_walk

LAYOUT = ("..X..", ".X...", "...X.", ".X...", "..X.G")
WALLS = ("..X..", ".X.#.", "..#X.", ".X.#.", "..X#G")


def tables(**settings):
    given = {"layout": LAYOUT, "rewards": (("G", 1.0), ("X", -1.0)), "slip": 0.0, "max_steps": 20, **settings}
    return grid_world.env(GridWorld(**given)).tabular()


@pytest.fixture(scope="module")
def log_policy():
    """That of the expert with all the time in the world: it depends on none."""
    grid = tables()
    return np.asarray(soft_values(grid.transitions, grid.rewards / 0.4, 400).log_policy[0], np.float64)


def split(log_policy, inputs):
    """G and h with g + h(s') - h(s) = log π(a | s), the smallest of those that are nearest; g by state and action."""
    transitions = np.asarray(tables().transitions, np.float64)
    states, actions = log_policy.shape
    rows = np.repeat(np.eye(states), actions, axis=0)
    of_reward = rows if inputs == "state" else np.eye(states * actions)
    shaping = transitions.reshape(-1, states) - rows
    solution, *_ = np.linalg.lstsq(np.concatenate([of_reward, shaping], axis=1), log_policy.ravel(), rcond=None)
    found = (of_reward @ solution[: of_reward.shape[1]]).reshape(states, actions)
    reached = found + (shaping @ solution[of_reward.shape[1] :]).reshape(states, actions)
    np.testing.assert_allclose(reached, log_policy, atol=2e-3)
    return found


def share(grid, rewards):
    """What a plan on these rewards is paid, of what lies between random actions and the best policy."""
    paid = [planned(grid, jnp.asarray(one, jnp.float32)).expected_return for one in (rewards, grid.rewards)]
    least = random_walk(grid).expected_return
    return (paid[0] - least) / (paid[1] - least)


CHANGED = {"exchanged": {"exchanged": "both"}, "walls": {"layout": WALLS}}


@pytest.mark.parametrize("changes", CHANGED.values(), ids=CHANGED)
def test_a_reward_of_the_state_alone_is_of_use_in_a_changed_grid_and_others_are_not(log_policy, changes):
    grid, true = tables(**changes), np.asarray(tables().rewards)
    of_state, of_both = split(log_policy, "state"), split(log_policy, "state_action")
    assert correlation(of_state, true, np.ones(25, bool)) > 0.999
    assert share(grid, of_state) == pytest.approx(1.0, abs=1e-3)
    assert share(grid, of_both) < 0.9
    nobody_told_apart = np.full((25, 4), np.log(2.0))  # gail's -log(1 - D), with D = ½ at its optimum
    assert share(grid, nobody_told_apart) < 0.3


def test_where_nothing_changes_a_reward_of_state_and_action_does_as_well(log_policy):
    assert share(tables(), split(log_policy, "state_action")) > 0.95
