"""Cloning towards goals drawn in hindsight."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.normalizer import RelativeGoals
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Dict
from ilkit.env import point_room, reach_grid
from ilkit.errors import DataError
from ilkit.imitate.gcbc import GCBC, imitate
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.testing.arguments import Options, part
from ilkit.testing.problems import demonstrations, environment
from ilkit.testing.stand_ins import wandering

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
ROOM = point_room.env(point_room.PointRoom(step_size=0.1, show_horizon=False))
DEMOS = wandering(ROOM, 100)


def learnt(demos: Any = DEMOS, policy: str = "categorical", network: Any = None, **settings: Any) -> Policy:
    chosen = Options(parts={"policy": {"kind": policy}, "network": network or {"kind": "mlp", "hidden": [32]}})
    spec = GCBC(**{"num_steps": 1500, "learning_rate": 3e-3, **settings})
    return loop.train(lambda *, key: imitate(spec, part("policy", chosen), demos, key=key), key=KEY)[0]


def towards(policy: Policy, away: float) -> np.ndarray:
    """The modes, in the middle of the room, for goals so far up, to the right, down and to the left."""
    goals = away * np.asarray([(0, 1), (1, 0), (0, -1), (-1, 0)], np.float32)
    obs = {"observation": np.zeros((4, 2), np.float32), ACHIEVED: np.zeros((4, 2), np.float32), DESIRED: goals}
    return np.asarray(jax.vmap(lambda one: policy.mode(policy.initial_carry(), one)[1])(jax.tree.map(jnp.asarray, obs)))


@pytest.mark.parametrize("relative", [False, True])
def test_wandering_without_aim_teaches_the_way_to_any_goal(relative: bool) -> None:
    policy = learnt(relative=relative)
    np.testing.assert_array_equal(towards(policy, 0.4), [0, 1, 2, 3])
    run = collect_episodes(ROOM, policy, num_episodes=64, key=KEY)
    apart = np.linalg.norm(run.obs[ACHIEVED] - run.obs[DESIRED], axis=-1)
    assert (apart[:, -1] <= ROOM.goal_tolerance).mean() > 0.7
    is_relative = isinstance(policy.normalizer, RelativeGoals)
    assert is_relative == relative


def test_every_step_may_be_an_episode_of_its_own() -> None:
    single = wandering(point_room.env(point_room.PointRoom(step_size=0.1, show_horizon=False, max_steps=1)), 300)
    with pytest.warns(UserWarning, match="All of 300 episodes have one step"):
        policy = learnt(single, num_steps=400, relative=True)
    np.testing.assert_array_equal(towards(policy, 0.1), [0, 1, 2, 3])


@pytest.mark.parametrize("network", [{"kind": "gru", "hidden_size": 8, "window": 4}, {"kind": "frame_stack"}])
def test_policies_with_a_memory_take_goals(network: dict[str, Any]) -> None:
    policy = learnt(network=network, num_steps=3, relative=True)
    assert jax.tree.leaves(policy.initial_carry())
    run = collect_episodes(ROOM, policy, num_episodes=2, key=KEY)
    assert set(np.unique(run.intended)) <= set(range(5))


def test_actions_that_count_nothing_are_not_learnt_though_what_they_led_to_is_a_goal() -> None:
    counts = (np.arange(DEMOS.num_steps) % 2).astype(np.float32)
    thinned = replace(DEMOS, weights=counts)
    stained = replace(thinned, actions=np.where(counts > 0, DEMOS.actions, 4 - DEMOS.actions))
    one, other = (learnt(demos, num_steps=20) for demos in (thinned, stained))
    for mine, theirs in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_goals_that_are_no_numbers_can_not_be_relative() -> None:
    grid = wandering(reach_grid.env(reach_grid.ReachGrid()), 3)
    learnt(grid, num_steps=1)
    with pytest.raises(DataError, match=r"imitate\.gcbc\.relative: needs goals that are real numbers"):
        learnt(grid, relative=True)


def test_one_hot_goals_can_not_be_relative() -> None:
    corners = np.eye(4, dtype=np.float32)[np.arange(DEMOS.num_steps + DEMOS.num_episodes) % 4]
    goal = Box(shape=(4,), low=0.0, high=1.0)
    space = Dict(entries={ACHIEVED: goal, DESIRED: goal})
    spaces = DEMOS.spaces.model_copy(update={"observation": space})
    demos = replace(DEMOS, obs={ACHIEVED: corners, DESIRED: corners}, spaces=spaces)
    learnt(demos, num_steps=1)
    with pytest.raises(DataError, match=r"imitate\.gcbc\.relative: .*, got one-hot vectors\. Set it to false"):
        learnt(demos, relative=True)


def test_what_has_no_goals_is_found_before_anything_runs() -> None:
    (fault,) = GCBC(relative=True).faults(environment("discrete")())
    assert fault.startswith("env: observations must be a dict with achieved_goal and desired_goal")
    assert "point_maze" in fault
    (fault,) = GCBC(relative=True).faults(reach_grid.env(reach_grid.ReachGrid()))
    assert fault.startswith("relative: needs goals that are real numbers")
    assert list(GCBC().faults(reach_grid.env(reach_grid.ReachGrid()))) == []
    assert list(GCBC(relative=True).faults(ROOM)) == []


def test_shares_must_add_up_to_1() -> None:
    with pytest.raises(ValidationError, match=r"current, future and random must add up to 1, got 1\.2"):
        GCBC(current=0.2)
    assert GCBC(current=0.2, future=0.5, random=0.3).random == 0.3


def test_what_has_no_goals_or_too_few_steps_is_refused() -> None:
    with pytest.raises(DataError, match=r"imitate\.gcbc\.demos: observations must be a dict with achieved_goal"):
        learnt(demonstrations(3, "discrete"))
    with pytest.raises(DataError, match="horizon: must be at most the steps of the longest episode, 50, got 51"):
        learnt(horizon=51)
    with pytest.raises(DataError, match="must be 0 where there is one episode alone"):
        learnt(DEMOS.take(np.asarray([0])), future=0.5, random=0.5)
