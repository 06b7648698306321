"""Practice: where an episode got is what it is taken to have been meant for."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from ilkit.data.build import Build
from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.env import gymnasium, point_maze, point_room, reach_grid
from ilkit.errors import DataError
from ilkit.interact.gcsl import GCSL, interact
from ilkit.math.floor_plan import free_cells, steps_between
from ilkit.running import loop
from ilkit.testing.arguments import Options, part
from ilkit.testing.problems import environment
from ilkit.testing.stand_ins import wandering

KEY = jax.random.key(0)
STEPS = 8
ROOM = Build("env", "point_room", point_room.env, point_room.PointRoom(max_steps=STEPS))
FEW = {"num_rounds": 3, "num_envs": 2, "updates": 4}


def learnt(
    env: Build[Any] = ROOM, demos: Any = None, policy: Any = None, network: Any = None, **settings: Any
) -> Seeds[Any]:
    chosen = policy or {"kind": "categorical"}
    head = part("policy", Options(parts={"policy": chosen, "network": network or {"kind": "mlp", "hidden": [64]}}))
    spec = GCSL(**FEW | settings)
    return loop.train(lambda *, key: interact(spec, head, env, demos, key=key), key=KEY)


def lost(world: Any, policy: Policy) -> list[int]:
    """Of how many pairs of cells and goals the mode misses one that can be reached, by the steps that are left.

    Exact: what is reached with h steps left is what is reached from the next cell with h - 1.
    """
    cells, steps = len(world.following), world.max_steps
    numbers = np.meshgrid(np.arange(cells), np.arange(cells), steps - np.arange(1, steps + 1), indexing="ij")
    states = jnp.asarray(np.stack(numbers, axis=-1).reshape(-1, 3), jnp.int32)
    act = jax.jit(jax.vmap(lambda state: policy.mode(policy.initial_carry(), world.observe(state))[1]))
    actions = np.asarray(act(states)).reshape(cells, cells, steps)
    following, shortest = np.asarray(world.following), steps_between(free_cells(world.spec.layout))
    reaches, found = np.eye(cells, dtype=bool), []
    for left in range(1, steps + 1):
        then = following[np.arange(cells)[:, None], actions[:, :, left - 1]]
        reaches = reaches[then, np.arange(cells)]
        found.append(int(((shortest <= left) & ~reaches).sum()))
    return found


def test_practice_ends_at_the_optimum_of_a_grid_over_all_cells_goals_and_steps_left() -> None:
    world = Build("env", "reach_grid", reach_grid.env, reach_grid.ReachGrid())
    wide = {"kind": "mlp", "hidden": [256], "activation": "relu"}
    rounds = {"num_rounds": 200, "num_envs": 32, "updates": 100, "batch_size": 128, "learning_rate": 1e-3}
    seeds = learnt(world, network=wide, **rounds)
    assert lost(world(), seeds[0].policy) == [0] * 8
    assert sum(lost(world(), learnt(world)[0].policy)) > 0
    success = seeds.curves["success"][0]
    assert success[-10:].mean() > success[:1].mean() + 0.3


def test_the_curve_tells_of_the_episodes_of_a_round() -> None:
    seeds = learnt(num_rounds=1, num_envs=16, tolerance=0.6)
    demos = seeds[0].demos.demonstrations()
    assert demos.num_episodes == 16
    np.testing.assert_array_equal(demos.lengths, STEPS)
    ends = demos.after(demos.stops - 1)
    away = np.linalg.norm(ends[ACHIEVED] - ends[DESIRED], axis=1)
    assert seeds.curves["final_distance"][0, 0] == pytest.approx(away.mean(), rel=1e-5)
    assert seeds.curves["success"][0, 0] == pytest.approx((away <= 0.6).mean())
    assert seeds.curves["env_steps"].tolist() == [16 * STEPS]


@pytest.mark.bits
def test_without_collecting_actions_are_random_in_every_round() -> None:
    seeds = learnt(num_rounds=20, num_envs=16, collect=False, updates=20, learning_rate=1e-2)
    demos = seeds[0].demos.demonstrations()
    late = demos.actions[demos.num_steps // 2 :]
    assert chisquare(np.bincount(late, minlength=5)).pvalue > 1e-3
    practiced = learnt(num_rounds=20, num_envs=16, random_rounds=2, updates=20, learning_rate=1e-2)
    first = 2 * 16 * STEPS
    np.testing.assert_array_equal(demos.actions[:first], practiced[0].demos.demonstrations().actions[:first])
    assert (demos.actions[first:] != practiced[0].demos.demonstrations().actions[first:]).any()


@pytest.mark.bits
def test_demonstrations_come_first_and_are_learnt_from() -> None:
    demos = wandering(ROOM(), 5)
    seeds = learnt(demos=demos)
    gathered = seeds[0].demos
    assert int(gathered.num_demonstrated) == 5 * STEPS
    episodes = gathered.demonstrations()
    assert episodes.num_episodes == 5 + 3 * 2
    np.testing.assert_array_equal(episodes.actions[: 5 * STEPS], demos.actions)
    for name, column in demos.obs.items():
        np.testing.assert_array_equal(episodes.obs[name][: len(column)], column)
    assert int(gathered.num_labels) == 0  # nobody was asked
    other = learnt()
    leaves = zip(jax.tree.leaves(seeds[0].policy), jax.tree.leaves(other[0].policy), strict=True)
    assert any((np.asarray(one) != np.asarray(two)).any() for one, two in leaves)


def test_goals_keep_the_scale_of_the_room_however_little_of_it_was_visited() -> None:
    normalizer = learnt()[0].policy.normalizer
    for name in ("observation", ACHIEVED, DESIRED):
        np.testing.assert_array_equal(normalizer.mean[name], 0.0)
        np.testing.assert_array_equal(normalizer.std[name], 1.0)


@pytest.mark.parametrize("strategy", ["uniform", "geometric", "final", "clipped_geometric"])
def test_goals_may_be_drawn_by_other_strategies(strategy: str) -> None:
    assert np.isfinite(learnt(strategy=strategy, capacity=20).curves["loss"]).all()


def test_chunks_of_actions_practice_too() -> None:
    seeds = learnt(policy={"kind": "chunked", "inner": "categorical", "horizon": 3, "execute": 2})
    assert np.isfinite(seeds.curves["loss"]).all()


def test_what_can_not_practice_is_told_why() -> None:
    with pytest.raises(DataError, match="observations must be a dict with achieved_goal and desired_goal"):
        learnt(environment("discrete"))
    *_, fault = GCSL().faults(environment("discrete")())
    assert fault.startswith("tolerance: must be given where the environment doesn't say what counts as reached")
    assert next(iter(GCSL().faults(gymnasium.env(gymnasium.Gymnasium())))).startswith(
        "env: observations must be a dict"
    )


def test_a_tolerance_of_0_is_warned_of_where_goals_are_real_numbers() -> None:
    with pytest.warns(UserWarning, match="nothing can succeed"):
        learnt(tolerance=0.0, num_rounds=1, updates=1)


def test_a_policy_without_chance_is_refused() -> None:
    with pytest.raises(DataError, match=r"interact\.gcsl\.policy: must sample its actions"):
        learnt(Build("env", "point_maze", point_maze.env, point_maze.PointMaze()), policy={"kind": "deterministic"})
    head = part("policy", Options(parts={"policy": {"kind": "deterministic"}}))
    policy = head(environment("continuous")().spaces, key=KEY)
    (fault,) = GCSL().policy_faults(policy, {})
    assert "explores nothing" in fault
    assert "gaussian" in fault
