"""The grid: where steps lead, how often they slip, what is earned, and the tables that say so."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.tabular import tabular_faults
from ilkit.env.grid_world import DOWN, LEFT, RIGHT, UP, GridWorld, env
from ilkit.math.maximum_entropy import occupancies
from ilkit.nn.state_table import StateTable
from ilkit.stepping.episodes import collect_episodes

SMALL = {"layout": ("..G", "S#."), "rewards": (("G", 2.0),), "max_steps": 6}
"""Cells 0 to 2 above 3 to 5; 4 is a wall."""


def grid(**settings):
    return env(GridWorld(**{**SMALL, "slip": 0.0, **settings}))


@pytest.mark.parametrize(
    ("exchanged", "up", "down", "left", "right"),
    [("none", UP, DOWN, LEFT, RIGHT), ("left_right", UP, DOWN, RIGHT, LEFT), ("up_down", DOWN, UP, LEFT, RIGHT)],
)
def test_steps_lead_to_the_next_cell_unless_a_wall_or_the_edge_is_there(exchanged, up, down, left, right):
    transitions = grid(exchanged=exchanged).tabular().transitions
    led = np.asarray(transitions.argmax(axis=-1))
    np.testing.assert_array_equal(transitions.max(axis=-1), 1.0)
    np.testing.assert_array_equal(led[:, right], [1, 2, 2, 3, 4, 5])  # 4 is a wall, which nothing leaves
    np.testing.assert_array_equal(led[:, left], [0, 0, 1, 3, 4, 5])
    np.testing.assert_array_equal(led[:, up], [0, 1, 2, 0, 4, 2])
    np.testing.assert_array_equal(led[:, down], [3, 1, 5, 3, 4, 5])


def test_a_step_that_slips_goes_off_at_a_right_angle():
    transitions = grid(slip=0.2).tabular().transitions
    np.testing.assert_allclose(transitions[0, RIGHT], [0.1, 0.8, 0, 0.1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(transitions[2, UP], [0, 0.1, 0.9, 0, 0, 0], atol=1e-6)


def test_an_action_in_a_cell_that_ends_an_episode_is_paid_and_ends_it():
    world = grid(ends="G")
    state, transition = world.step(jnp.asarray(2), jnp.asarray(LEFT), key=jax.random.key(0))
    assert (int(state), float(transition.reward), bool(transition.terminated)) == (2, 2.0, True)
    tabular = world.tabular()
    assert tabular.transitions.shape == (7, 4, 7)
    assert len(tabular.observations) == 6
    np.testing.assert_array_equal(tabular.transitions[2:7:4, :, 6], 1.0)
    assert not tabular.rewards[6].any()
    assert not list(tabular_faults(tabular))


def test_the_demonstrator_visits_what_the_tables_say():
    world = grid(slip=0.3, temperature=0.5)
    expert, tabular = world.demonstrator(), world.tabular()
    found = collect_episodes(world, expert, num_episodes=4096, key=jax.random.key(1), stochastic=True)
    table = StateTable.of(world.spaces.observation, tabular.observations)
    states = table.numbers(found.obs.reshape(-1, 6)).reshape(4096, 7)
    visited = np.stack([(states == cell).mean(axis=0) for cell in range(6)], axis=1)
    chances = jax.nn.softmax(expert.logits)
    expected = occupancies(tabular.transitions, tabular.initial, chances)
    np.testing.assert_allclose(visited, expected, atol=0.04)
    assert found.returns.mean() == pytest.approx(float((expected[:-1] * tabular.rewards[:, 0]).sum()), abs=0.15)


def test_the_demonstrator_at_no_temperature_takes_the_shortest_way():
    world = grid(temperature=1e-3, ends="")
    found = collect_episodes(world, world.demonstrator(), num_episodes=2, key=jax.random.key(0))
    np.testing.assert_allclose(found.returns, 2.0 * 3)  # three steps to the goal, three in it


def test_what_is_observed_tells_the_cell():
    for observed, size in (("cell", 6), ("position", 2)):
        world = grid(observed=observed)
        assert world.spaces.observation.shape == (size,)
        for cell in range(6):
            assert int(world.state_of(world.observe(jnp.asarray(cell)))) == cell
    np.testing.assert_allclose(grid(observed="position").observations[2], [1.0, 1.0])
    np.testing.assert_allclose(grid().position(grid().observe(jnp.asarray(5))), [2.0, 0.0])


def test_it_starts_where_an_s_is_or_anywhere_that_is_free():
    np.testing.assert_array_equal(grid().starts, [0, 0, 0, 1, 0, 0])
    everywhere = grid(layout=("..G", ".#."), ends="G").starts
    np.testing.assert_allclose(everywhere, [0.25, 0.25, 0, 0.25, 0, 0.25])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"layout": ("..G", "S#")}, "one length"),
        ({"layout": ("##",), "rewards": ()}, "free cell"),
        ({"rewards": (("Q", 1.0),)}, "'Q', which no cell has"),
        ({"rewards": (("#", 1.0),)}, "where they can't be"),
        ({"ends": "S"}, "where they can't be"),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused(settings, told):
    with pytest.raises(ValidationError, match=told):
        GridWorld(**{**SMALL, **settings})


def test_tables_that_are_no_decision_process_are_told():
    tabular = grid().tabular()
    leaking = tabular._replace(transitions=tabular.transitions.at[3, 1].mul(0.5))
    assert "0.5 in state 3 with action 1" in next(tabular_faults(leaking))
    endless = tabular._replace(rewards=tabular.rewards.at[2, 0].set(-jnp.inf))
    assert "-inf in state 2 with action 0" in next(tabular_faults(endless))
    assert "initial" in next(tabular_faults(tabular._replace(initial=tabular.initial * 2)))
    assert "at least 0" in next(
        tabular_faults(tabular._replace(transitions=tabular.transitions.at[0, 0, :2].add(jnp.asarray([-1.0, 1.0]))))
    )
    assert "horizon" in next(tabular_faults(tabular._replace(horizon=0)))
