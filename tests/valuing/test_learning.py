"""Steps towards goals in hindsight, and losses that are weighted."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.policy import Policy
from ilkit.data.windows import windows
from ilkit.env import point_room
from ilkit.fitting.gradient import mean_loss
from ilkit.fitting.hindsight import HindsightSpec
from ilkit.testing.arguments import Options, part
from ilkit.testing.stand_ins import wandering
from ilkit.valuing.learning import Data, draw_steps, weighted_loss
from ilkit.valuing.spec import ValueSpec

KEY = jax.random.key(0)
DEMOS = wandering(point_room.env(point_room.PointRoom(step_size=0.1, max_steps=6)), 4)
TRANSITIONS = DEMOS.transitions()
HINDSIGHT = HindsightSpec().draws(TRANSITIONS, 6)


def head(network: Any = None) -> Policy:
    chosen = {"policy": {"kind": "categorical"}, "network": network or {"kind": "mlp", "hidden": [8]}}
    policy: Policy = part("policy", Options(parts=chosen))(DEMOS.spaces, key=KEY)
    return policy


def test_an_observation_and_the_next_one_ask_for_the_same_goal() -> None:
    rows = jnp.asarray([0, 5, 6])  # the first and the last step of an episode of 6, and the first of the next one
    obs, later = Data(TRANSITIONS, HINDSIGHT, HINDSIGHT).asked(rows, jnp.asarray([1, 6, 8]), jnp.asarray([6, 13, 7]))
    np.testing.assert_array_equal(obs[DESIRED], later[DESIRED])
    goals = np.stack([DEMOS.after(np.asarray([row]))[ACHIEVED][0] for row in (5, 11)])
    np.testing.assert_array_equal(obs[DESIRED][:2], goals)
    np.testing.assert_array_equal(obs[DESIRED][2], obs[ACHIEVED][2])  # the place 7 is the start of the second episode
    np.testing.assert_array_equal(later[ACHIEVED], DEMOS.after(np.asarray([0, 5, 6]))[ACHIEVED])


@pytest.mark.parametrize("value_steps", [1, 2, 3])
def test_steps_end_at_the_goal_with_the_episode_or_after_so_many(value_steps: int) -> None:
    rows = jnp.arange(24)
    goals = HindsightSpec(current=0.3, future=0.4, random=0.3).draws(TRANSITIONS, 6)
    spec = ValueSpec(value_steps=value_steps, tolerance=0.05)
    steps = draw_steps(spec, Data(TRANSITIONS, goals, HINDSIGHT), rows, key=KEY)
    places, _ = goals.draw(TRANSITIONS, rows, 0, key=KEY)
    achieved, ends = np.asarray(TRANSITIONS.obs[ACHIEVED]), set()
    for row in range(24):
        here, last = row + row // 6, 7 * (row // 6) + 6  # episodes of 6 steps and 7 observations
        far = np.linalg.norm(achieved[here:] - achieved[places[row]], axis=1)
        left = min(value_steps, last - here)
        arrived = [count for count in range(left + 1) if far[count] <= spec.tolerance]
        assert int(steps.num_steps[row]) == (arrived[0] if arrived else left)
        assert bool(steps.there[row]) == bool(arrived)
        np.testing.assert_array_equal(steps.later_obs[ACHIEVED][row], achieved[here + int(steps.num_steps[row])])
        np.testing.assert_array_equal(steps.obs[ACHIEVED][row], achieved[here])
        ends.add("here" if arrived[:1] == [0] else "goal" if arrived else "so many" if left == value_steps else "end")
    assert ends == {"here", "goal", "so many"} | ({"end"} if value_steps > 1 else set())


@pytest.mark.parametrize("network", [None, {"kind": "gru", "hidden_size": 4, "window": 3}])
def test_the_weighted_loss_is_that_of_the_present_step_times_its_weight(network: Any) -> None:
    policy = head(network)
    batch = windows(TRANSITIONS, jnp.asarray([3, 9, 20]), *policy.window)
    each = []
    for number in range(3):
        carry = policy.initial_carry()
        for step in range(policy.window[0] + 1):
            obs, action = jax.tree.map(lambda rows, at=(number, step): rows[at], (batch.obs, batch.actions))
            carry, log_prob = policy.log_prob(carry, obs, action)
        each.append(-float(log_prob))
    weights = jnp.asarray([1.0, 0.0, 5.0])
    assert float(weighted_loss(policy, batch, weights, key=KEY)) == pytest.approx((each[0] + 5 * each[2]) / 3, rel=1e-5)
    if network is None:
        plain = float(mean_loss(policy, batch, key=KEY))
        assert float(weighted_loss(policy, batch, jnp.ones(3), key=KEY)) == pytest.approx(plain, rel=1e-5)
