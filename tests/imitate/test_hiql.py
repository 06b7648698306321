"""Two levels by one value of goals."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.goal_entries import ACHIEVED, DESIRED, STEPS_LEFT
from ilkit.data.policy import Policy
from ilkit.data.spaces import Discrete
from ilkit.env import point_maze, point_room, reach_grid
from ilkit.errors import DataError
from ilkit.fitting.gradient import partition
from ilkit.imitate.hiql import HIQL, imitate
from ilkit.nn.layered_policy import FixedSpreadPolicy
from ilkit.policy.categorical import CategoricalPolicy
from ilkit.policy.deterministic import DeterministicPolicy
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.testing.arguments import Options, part
from ilkit.testing.stand_ins import wandering
from ilkit.valuing.two_levels import TwoLevelPolicy

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
GRID = reach_grid.env(reach_grid.ReachGrid(show_horizon=False, max_steps=12))
DEMOS = wandering(GRID, 300)
ROOM = point_room.env(point_room.PointRoom(step_size=0.1, max_steps=12))
IN_ROOM = {name: jnp.asarray(place) for name, place in ((DESIRED, (1.0, 1.0)), (ACHIEVED, (0.1, 0.2)))}
IN_ROOM |= {"observation": IN_ROOM[ACHIEVED], STEPS_LEFT: jnp.ones(1)}
FEW = {"num_steps": 3, "value_hidden": (8,), "subgoal_steps": 3}


def learnt(demos: Any = DEMOS, policy: Any = None, network: Any = None, **settings: Any) -> TwoLevelPolicy:
    chosen = {"policy": policy or {"kind": "categorical"}, "network": network or {"kind": "mlp", "hidden": [32]}}
    spec = HIQL(**{"learning_rate": 3e-3, "value_hidden": (32,), "target_rate": 0.05, "subgoal_steps": 2} | settings)
    head = part("policy", Options(parts=chosen))
    learnt_policy = loop.train(lambda *, key: imitate(spec, head, demos, key=key), key=KEY)[0]
    assert isinstance(learnt_policy, TwoLevelPolicy)
    return learnt_policy


def success(policy: Policy) -> float:
    run = collect_episodes(GRID, policy, num_episodes=300, key=KEY)
    return float((np.asarray(run.rewards) > 0).any(axis=1).mean())


def test_wandering_in_a_grid_teaches_both_levels() -> None:
    policy = learnt(num_steps=1500, expectile=0.9)
    assert isinstance(policy.high, CategoricalPolicy)
    assert isinstance(policy.high.spaces.action, Discrete)
    assert success(policy) > 0.95
    cell, goal = jnp.asarray(0), jnp.asarray(1)
    assert int(policy.high.mode((), {"observation": cell, ACHIEVED: cell, DESIRED: goal})[1]) == 1


@pytest.mark.parametrize("relative", [False, True])
def test_where_a_head_can_not_say_subgoals_a_gaussian_one_on_the_same_network_does(relative: bool) -> None:
    policy = learnt(wandering(ROOM, 20), relative=relative, **FEW)
    assert isinstance(policy.high, FixedSpreadPolicy)
    assert isinstance(policy.low, CategoricalPolicy)
    assert policy.high.network.layers.weights[0].shape[-1] == 32
    assert set(np.unique(collect_episodes(ROOM, policy, num_episodes=2, key=KEY).intended)) <= set(range(5))


def test_the_lower_level_is_asked_for_what_the_higher_one_says_in_the_steps_that_a_subgoal_takes() -> None:
    policy, obs = learnt(wandering(ROOM, 20), direct=False, **FEW), IN_ROOM
    said = policy.high.mode((), obs)[1]
    asked = policy.towards(obs, said)
    np.testing.assert_allclose(asked[DESIRED], obs[ACHIEVED] + said, rtol=1e-6)
    np.testing.assert_allclose(asked[STEPS_LEFT], 3 / 12, rtol=1e-6)
    np.testing.assert_array_equal(policy.mode(policy.initial_carry(), obs)[1], policy.low.mode((), asked)[1])
    assert policy.is_stochastic
    assert not policy.has_density


def test_a_goal_that_values_say_is_nearer_than_a_subgoal_is_asked_for_itself() -> None:
    policy = learnt(wandering(ROOM, 20), discount=0.9, **FEW)
    assert policy.nearness is not None
    np.testing.assert_allclose(policy.nearness.far, -(1 + 0.9 + 0.9**2), rtol=1e-6)
    said, worth = policy.high.mode((), IN_ROOM)[1], float(policy.nearness.values(IN_ROOM).mean())
    for far, goal in ((worth - 1e-3, IN_ROOM[DESIRED]), (worth + 1e-3, IN_ROOM[ACHIEVED] + said)):
        acting = eqx.tree_at(lambda policy: policy.nearness.far, policy, jnp.asarray(far))
        np.testing.assert_allclose(acting.towards(IN_ROOM, said)[DESIRED], goal, rtol=1e-6)


def test_going_for_near_goals_changes_nothing_of_what_is_learnt() -> None:
    direct, always = (learnt(wandering(ROOM, 20), direct=direct, **FEW) for direct in (True, False))
    assert always.nearness is None
    assert eqx.tree_equal((direct.high, direct.low), (always.high, always.low))


def test_whoever_tunes_two_levels_leaves_the_values_alone() -> None:
    policy = learnt(wandering(ROOM, 20), **FEW)
    trained, fixed = partition(policy)
    assert not jax.tree.leaves(trained.nearness)
    assert eqx.tree_equal(fixed.nearness, policy.nearness)


def test_two_levels_have_a_carry_where_one_has_a_memory() -> None:
    without = learnt(wandering(ROOM, 20), **FEW)
    assert without.initial_carry() == ()
    assert without.mode((), IN_ROOM)[0] == ()
    assert without.sample((), IN_ROOM, key=KEY)[0] == ()
    remembering = learnt(wandering(ROOM, 20), network={"kind": "gru", "hidden_size": 8, "window": 4}, **FEW)
    carry = remembering.initial_carry()
    assert eqx.tree_equal(*map(jax.tree.structure, (carry, remembering.mode(carry, IN_ROOM)[0])))
    assert jax.tree.leaves(carry)


def test_both_levels_have_the_head_that_was_chosen_where_it_can_say_subgoals() -> None:
    maze = point_maze.env(point_maze.PointMaze(layout=("#####", "#...#", "#####"), max_steps=12))
    policy = learnt(
        wandering(maze, 4), {"kind": "deterministic"}, {"kind": "gru", "hidden_size": 8, "window": 4}, **FEW
    )
    assert isinstance(policy.high, DeterministicPolicy)
    assert isinstance(policy.low, DeterministicPolicy)
    assert not policy.is_stochastic
    assert np.isfinite(collect_episodes(maze, policy, num_episodes=2, key=KEY).intended).all()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match=r"imitate\.hiql\.subgoal_steps: must be at most the steps .* 12, got 13"):
        learnt(subgoal_steps=13)
    with pytest.raises(DataError, match=r"imitate\.hiql\.policy: must decide on one action at a time"):
        learnt(policy={"kind": "chunked", "inner": "categorical", "horizon": 3, "execute": 1})
