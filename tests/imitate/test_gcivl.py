"""Cloning by values of goals."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.normalizer import RelativeGoals
from ilkit.data.policy import Policy
from ilkit.env import point_maze, point_room, reach_grid
from ilkit.errors import DataError
from ilkit.imitate.gcivl import GCIVL, imitate
from ilkit.math.floor_plan import free_cells, steps_between
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.testing.arguments import Options, part
from ilkit.testing.problems import demonstrations
from ilkit.testing.stand_ins import wandering

KEY = jax.random.key(0)
GRID = reach_grid.env(reach_grid.ReachGrid(show_horizon=False, max_steps=12))
DEMOS = wandering(GRID, 300)
ROOM = point_room.env(point_room.PointRoom(step_size=0.1, max_steps=12))
FEW = {"num_steps": 3, "value_hidden": (8,)}


def learnt(demos: Any = DEMOS, policy: Any = None, network: Any = None, **settings: Any) -> Policy:
    chosen = {"policy": policy or {"kind": "categorical"}, "network": network or {"kind": "mlp", "hidden": [32]}}
    spec = GCIVL(**{"learning_rate": 3e-3, "value_hidden": (32,), "target_rate": 0.05} | settings)
    head = part("policy", Options(parts=chosen))
    return loop.train(lambda *, key: imitate(spec, head, demos, key=key), key=KEY)[0]


def detours(policy: Policy) -> float:
    """The mean over pairs of cells of how many steps more than the shortest way the mode takes, 12 at most."""
    cells, following = len(GRID.following), np.asarray(GRID.following)
    place, goal = (axis.ravel() for axis in np.meshgrid(np.arange(cells), np.arange(cells)))
    act = jax.jit(jax.vmap(lambda obs: policy.mode((), obs)[1]))
    taken = np.full(len(goal), 12)
    actions = np.asarray(act({"observation": place, ACHIEVED: place, DESIRED: goal}))
    following = following[place, actions].reshape(cells, cells).T  # of each cell, towards each goal
    for step in range(12):
        taken = np.where((place == goal) & (taken == 12), step, taken)
        place = following[place, goal]
    shortest = steps_between(free_cells(GRID.spec.layout)).T.ravel()
    return float((taken - shortest).mean())


def test_what_is_learnt_is_the_average_of_the_weights_along_the_way_where_that_is_asked_for() -> None:
    settings = FEW | {"network": {"kind": "mlp", "hidden": [4]}}
    first, second = (learnt(**settings | {"num_steps": count}) for count in (1, 2))
    averaged = learnt(**settings | {"num_steps": 2}, average=True)
    decay = 1.0 - 2.0**-0.75
    for one, two, mean in zip(*map(jax.tree.leaves, (first, second, averaged)), strict=True):
        np.testing.assert_allclose(mean, decay * one + (1.0 - decay) * two, rtol=1e-4, atol=1e-6)
    assert np.abs(jax.tree.leaves(first)[0] - jax.tree.leaves(second)[0]).max() > 1e-4


def test_wandering_in_a_grid_teaches_the_shortest_ways() -> None:
    wide = {"network": {"kind": "mlp", "hidden": [64]}, "value_hidden": (64,), "batch_size": 256, "num_steps": 1500}
    plain, weighted = (detours(learnt(discount=0.9, inverse_temperature=one, **wide)) for one in (0.0, 10.0))
    assert plain > 1.0
    assert weighted < 0.5


@pytest.mark.parametrize("policy", ["deterministic", "diffusion", "cvae"])
def test_heads_without_a_density_are_weighted_by_the_loss_they_have(policy: str) -> None:

    maze = point_maze.env(point_maze.PointMaze(layout=("#####", "#...#", "#####"), max_steps=12))
    learnt_policy = learnt(wandering(maze, 4), {"kind": policy}, relative=True, **FEW)
    assert isinstance(learnt_policy.normalizer, RelativeGoals)
    assert np.isfinite(collect_episodes(maze, learnt_policy, num_episodes=2, key=KEY).intended).all()


@pytest.mark.parametrize("network", [{"kind": "gru", "hidden_size": 8, "window": 4}, {"kind": "frame_stack"}])
def test_policies_with_a_memory_take_goals_with_steps_left(network: dict[str, Any]) -> None:
    policy = learnt(wandering(ROOM, 10), network=network, **FEW)
    assert jax.tree.leaves(policy.initial_carry())
    assert set(np.unique(collect_episodes(ROOM, policy, num_episodes=2, key=KEY).intended)) <= set(range(5))


@pytest.mark.bits
def test_actions_that_count_nothing_are_not_learnt_though_what_they_led_to_is_a_goal() -> None:
    counts = (np.arange(DEMOS.num_steps) % 2).astype(np.float32)
    thinned = replace(DEMOS, weights=counts)
    stained = replace(thinned, actions=np.where(counts > 0, DEMOS.actions, 4 - DEMOS.actions))
    one, other = (learnt(demos, **FEW) for demos in (thinned, stained))
    for mine, theirs in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_what_can_not_be_weighted_or_has_no_goals_is_refused() -> None:
    with pytest.raises(DataError, match=r"imitate\.gcivl\.policy: must decide on one action at a time.*on 3\. Choose"):
        learnt(policy={"kind": "chunked", "inner": "categorical", "horizon": 3, "execute": 1})
    with pytest.raises(DataError, match=r"imitate\.gcivl\.demos: observations must be a dict with achieved_goal"):
        learnt(demonstrations(3, "discrete"))
    with pytest.raises(DataError, match=r"imitate\.gcivl\.relative: needs goals that are real numbers"):
        learnt(relative=True)
    with pytest.raises(DataError, match=r"imitate\.gcivl\.value_random: must be 0 where there is one episode alone"):
        learnt(DEMOS.take(np.asarray([0])))
    with pytest.raises(DataError, match=r"imitate\.gcivl\.horizon: must be at most the steps of the longest"):
        learnt(horizon=13)
    with pytest.raises(DataError, match=r"imitate\.gcivl\.value_steps: must be at most the steps of the longest"):
        learnt(value_steps=13)
