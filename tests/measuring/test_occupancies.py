"""What is visited and what rewards are worth, against simulation and problems with known answers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.seeds import Seeds
from ilkit.env import grid_world
from ilkit.env.grid_world import GridWorld
from ilkit.errors import DataError
from ilkit.measuring.comparison import Resampling
from ilkit.measuring.occupancies import chances_of, correlation, planned, random_walk, rewards_of, visited_by
from ilkit.measuring.walks import demonstrated, ground_of, taught_by, walk_of
from ilkit.network import lstm
from ilkit.nn.layered_policy import build_actor
from ilkit.nn.state_rewards import TabularReward
from ilkit.nn.state_table import StateTable
from ilkit.stepping.episodes import collect_episodes

RESAMPLING = Resampling(0.95, 100, 0)


def grid(**settings: Any) -> Any:
    given = {"layout": ("..G", "S.."), "rewards": (("G", 1.0),), "slip": 0.2, "max_steps": 8, **settings}
    return grid_world.env(GridWorld(**given))


def seeds(*things: Any) -> Seeds[Any]:
    return Seeds(jax.tree.map(lambda *leaves: jnp.stack(leaves), *things), {}, len(things))


def known(world: Any, values: Any) -> TabularReward:
    table = StateTable.of(world.spaces.observation, world.observations)
    return TabularReward(values=jnp.asarray(values), table=table, spaces=world.spaces, reads_action=False)


@pytest.mark.parametrize("ends", ["", "G"])
@pytest.mark.parametrize("stochastic", [True, False])
def test_what_is_calculated_is_what_is_simulated(ends: str, stochastic: bool) -> None:
    world = grid(ends=ends)
    for policy in (world.demonstrator(), build_actor(world.spaces, (), key=jax.random.key(0))):
        tabular = world.tabular()
        walk = visited_by(tabular, chances_of(policy, world.spaces, tabular, stochastic=stochastic))
        ran = collect_episodes(world, policy, num_episodes=2048, key=jax.random.key(0), stochastic=stochastic)
        ground = ground_of(world.spaces, tabular, ran.demonstrations())
        assert walk.acted.sum() == pytest.approx(8.0, rel=1e-5)
        np.testing.assert_allclose(walk.acted, ground.shown.visited.acted, atol=0.15)
        assert walk.expected_return == pytest.approx(ran.returns.mean(), abs=0.15)


def test_a_plan_on_the_true_reward_is_the_best_and_ends_at_once_where_that_pays() -> None:
    world = grid(slip=0.0)
    tabular = world.tabular()
    assert planned(tabular, tabular.rewards).expected_return == pytest.approx(5.0)  # there in three steps of eight
    assert planned(tabular, -tabular.rewards).expected_return == 0.0
    world = grid(slip=0.0, ends="G")
    tabular = world.tabular()
    assert planned(tabular, tabular.rewards).expected_return == pytest.approx(1.0)
    paid = rewards_of(known(world, [-1.0, -1.0, -1.0, -1.0, -1.0, -1.0]), world.spaces, tabular)
    assert not np.asarray(paid[-1]).any()  # what follows a termination is worth 0
    assert planned(tabular, paid).acted[-1] == pytest.approx(8.0 - 4.0)


def test_a_policy_strays_by_as_much_as_its_steps_lie_elsewhere() -> None:
    world = grid(slip=0.0)
    tabular, expert = world.tabular(), world.demonstrator()
    same = type(expert).of(world.spaces, expert.table, expert.logits * 1e4 - 1e4 * jnp.arange(4))  # of the best, one
    shown = collect_episodes(world, same, num_episodes=2, key=jax.random.key(0)).demonstrations()
    ground = ground_of(world.spaces, tabular, shown)
    away = type(expert).of(world.spaces, expert.table, jnp.zeros((1, 6, 4)).at[..., grid_world.LEFT].set(1e4))
    walk = walk_of(ground, seeds(same), stochastic=True, resampling=RESAMPLING)
    assert walk.elsewhere[0] == pytest.approx(0.0, abs=1e-6)
    assert walk.log_likelihood is not None
    assert walk.log_likelihood[0] == pytest.approx(0.0, abs=1e-3)
    strayed = walk_of(ground, seeds(away), stochastic=True, resampling=RESAMPLING)
    assert strayed.elsewhere[0] == pytest.approx(7 / 8)  # it stays at the start, where the others act once
    assert strayed.farthest[0] == pytest.approx(7.0)
    assert demonstrated(ground).elsewhere[0] == 0.0


def test_a_reward_is_worth_what_a_plan_on_it_is_paid() -> None:
    world = grid()
    tabular, true = world.tabular(), np.asarray(world.rewards)
    shown = collect_episodes(world, world.demonstrator(), num_episodes=4, key=jax.random.key(0)).demonstrations()
    ground = ground_of(world.spaces, tabular, shown)
    found = taught_by(
        ground, seeds(*(known(world, one) for one in (3 * true + 1, -true, np.zeros(6)))), resampling=RESAMPLING
    )
    np.testing.assert_allclose(found.correlation, [1.0, -1.0, 0.0], atol=1e-6)
    assert found.shares[0] == pytest.approx(1.0)
    assert found.shares[1] < 0.0
    walls = grid(layout=("#.G", "S.."))
    table = np.asarray([[7.0] * 4, *np.asarray(walls.tabular().rewards)[1:].tolist()])
    reached = random_walk(walls.tabular()).acted > 0
    assert reached.tolist() == [False, True, True, True, True, True]
    assert correlation(table, np.asarray(walls.tabular().rewards), reached) == pytest.approx(1.0)


def test_what_cannot_be_calculated_is_refused() -> None:
    world = grid()
    network = lstm.network(lstm.LSTM(), world.spaces.observation, 4, key=jax.random.key(0))
    actor = build_actor(world.spaces, (), key=jax.random.key(0))
    remembering = type(actor)(network=network, normalizer=actor.normalizer, spaces=world.spaces)
    with pytest.raises(DataError, match="can't be calculated, for it has a memory"):
        chances_of(remembering, world.spaces, world.tabular(), stochastic=True)
    long = collect_episodes(grid(max_steps=9), actor, num_episodes=2, key=jax.random.key(0)).demonstrations()
    with pytest.raises(DataError, match="must not be longer than the time limit of the environment, 8 steps"):
        ground_of(world.spaces, world.tabular(), long)
