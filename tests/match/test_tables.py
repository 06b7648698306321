"""Matching in tables: visits that agree, rewards found again, the bias of path distributions, what is refused."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.env import grid_world, recall
from ilkit.env.grid_world import GridWorld, GridWorldEnvironment
from ilkit.errors import DataError
from ilkit.match import max_ent, mce
from ilkit.math.maximum_entropy import occupancies
from ilkit.network import mlp
from ilkit.policy import categorical
from ilkit.stepping.episodes import collect_episodes

HEAD = Build(
    *("policy", "categorical", categorical.policy, categorical.Categorical()),
    (Build("network", "mlp", mlp.network, mlp.MLP()),),
)
"""What isn't used."""
LAYOUT = ("....", "SXXG")
"""A cliff between the start and the goal."""
KINDS = {mce: mce.MCE, max_ent: max_ent.MaxEnt}


def grid(**settings: Any) -> Build[Any]:
    given = {"layout": LAYOUT, "rewards": (("G", 1.0), ("X", -2.0)), "slip": 0.3, "max_steps": 12, **settings}
    return Build("env", "grid_world", grid_world.env, GridWorld(**given))


def shown(env: Build[Any], count: int = 1000) -> Demonstrations:
    """Episodes of the demonstrator."""
    world = env()
    episodes = collect_episodes(world, world.demonstrator(), num_episodes=count, key=jax.random.key(0), stochastic=True)
    return episodes.demonstrations()


def visits(env: Build[Any], policy: Any) -> np.ndarray:
    """How often an episode of a tabular policy acts in each state."""
    tabular, chances = env().tabular(), jax.nn.softmax(policy.logits)
    missing = len(tabular.initial) - chances.shape[1]
    chances = jnp.pad(chances, ((0, 0), (0, missing), (0, 0)), constant_values=0.25)
    return np.asarray(occupancies(tabular.transitions, tabular.initial, chances)[:-1].sum(axis=0))


def rewards(env: Build[Any]) -> np.ndarray:
    return np.asarray(env().rewards)


@pytest.fixture(scope="module")
def cliff() -> tuple[Build[Any], Demonstrations]:
    return grid(), shown(grid())


@pytest.mark.parametrize(
    ("settings", "gap"),
    [
        ({}, 0.003),
        ({"reward": "linear", "learning_rate": 0.03}, 0.003),
        ({"reward": "network", "hidden": (8,), "learning_rate": 0.01}, 0.03),
    ],
    ids=["table", "linear", "network"],
)
def test_causal_entropy_visits_what_was_shown_and_finds_the_reward(cliff, train, settings, gap):
    env, demos = cliff
    learnt = train(mce, mce.MCE(num_steps=800, **settings), HEAD, env, demos)
    assert learnt.curves["occupancy_distance"][0, -1] < gap
    assert learnt.curves["loss"][0, -1] < learnt.curves["loss"][0, 0]
    policy, reward = learnt[0]
    assert np.abs(visits(env, policy) - visits(env, env().demonstrator())).max() < 0.25  # as far as 1,000 episodes tell
    found = np.asarray([reward(obs, jnp.asarray(0), obs, jnp.asarray(False)) for obs in env().observations])
    assert np.corrcoef(found, rewards(env))[0, 1] > 0.95
    assert float(reward.absorbing) == 0.0


def test_the_path_distribution_takes_risks_where_steps_slip(cliff, train):
    env, demos = cliff
    earned = {}
    for module, spec in KINDS.items():
        learnt = train(module, spec(num_steps=800), HEAD, env, demos)
        assert learnt.curves["occupancy_distance"][0, -1] < 0.05  # of its own model, both
        earned[module] = float(visits(env, learnt[0].policy) @ rewards(env))
    wanted = float(visits(env, env().demonstrator()) @ rewards(env))
    assert earned[mce] == pytest.approx(wanted, abs=0.3)
    assert earned[max_ent] < wanted - 2.0


def test_where_nothing_slips_the_two_are_one_and_the_loss_is_the_likelihood(train):
    env = grid(slip=0.0)
    demos = shown(env, 20)
    learnt = {module: train(module, spec(num_steps=60), HEAD, env, demos) for module, spec in KINDS.items()}
    values = [one[0].reward.values for one in learnt.values()]
    np.testing.assert_allclose(*values, atol=1e-3)
    policy, steps = learnt[mce][0].policy, jnp.tile(jnp.arange(12), 20)
    given = steps, jnp.asarray(demos.before()), jnp.asarray(demos.actions)
    likelihood = float(jax.vmap(lambda *one: policy.log_prob(*one)[1])(*given).sum()) / 20
    again = train(mce, mce.MCE(num_steps=61), HEAD, env, demos)
    assert -float(again.curves["loss"][0, -1]) == pytest.approx(likelihood, rel=1e-4)  # the loss before the last step


def test_episodes_that_were_cut_or_thinned_tell_the_same(cliff, train):
    env, demos = cliff
    cut = demos.cut(np.where(np.arange(demos.num_episodes) % 2, 12, 5))
    kept = np.arange(demos.num_steps) % 5 == 0
    thinned = dataclasses.replace(demos, weights=kept.astype(np.float32))
    whole, *others = (
        visits(env, train(mce, mce.MCE(num_steps=400), HEAD, env, given)[0].policy) for given in (demos, cut, thinned)
    )
    for other in others:
        assert np.abs(whole - other).max() < 0.3
    assert np.abs(whole - visits(env, train(mce, mce.MCE(num_steps=1), HEAD, env, demos)[0].policy)).max() > 1.0


@pytest.mark.parametrize("earned", [1.0, -1.0])
def test_to_end_an_episode_or_not_is_matched_whatever_the_sign_of_the_reward(earned, train):
    env = grid(layout=("S..", "..G"), rewards=((".", earned), ("G", earned), ("S", earned)), ends="G", temperature=0.5)
    demos = shown(env)
    learnt = train(mce, mce.MCE(num_steps=400), HEAD, env, demos)
    assert learnt.curves["occupancy_distance"][0, -1] < 0.01
    np.testing.assert_allclose(visits(env, learnt[0].policy)[:-1], visits(env, env().demonstrator())[:-1], atol=0.2)


def test_several_seeds_of_a_network_differ_and_the_same_comes_out_in_one_call(cliff, train):
    env, demos = cliff
    spec = mce.MCE(reward="network", hidden=(4,), num_steps=5, num_seeds=2)
    learnt = train(mce, spec, HEAD, env, demos)
    first, second = (np.asarray(one.reward.layers.weights[0]) for one in learnt)
    assert (first != second).any()


class Changed(GridWorldEnvironment):
    """The grid with other tables."""

    changes: dict[str, Any] = eqx.field(default_factory=dict)

    def tabular(self):
        return super().tabular()._replace(**self.changes)


def changed(**tables: Any) -> Build[Any]:
    def env(spec: GridWorld) -> Changed:
        made = grid_world.env(spec)
        fields = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
        return Changed(**fields, changes=tables)

    return Build("env", "changed", env, grid().spec)


@pytest.mark.parametrize(
    ("env", "told"),
    [
        (Build("env", "recall", recall.env, recall.Recall()), "must be one for this environment, and mce needs"),
        (changed(transitions=jnp.full((8, 4, 8), 0.1)), "rows must sum to 1, got 0.8 in state 0 with action 0"),
        (changed(rewards=jnp.full((8, 4), jnp.nan)), "rewards: must be finite, got nan in state 0"),
        (grid(max_steps=11), "must not be longer than the time limit of the environment, 11 steps, got one of 12"),
        (grid(observed="position"), "must have the spaces of the environment"),
        (grid(layout=("..#.", "SXXG")), None),
    ],
)
def test_what_does_not_fit_is_refused(cliff, env, told):
    if told is None:
        mce.match(mce.MCE(), HEAD, env, cliff[1], key=jax.random.key(0))  # walls elsewhere are seen as they were
        return
    with pytest.raises(DataError, match=told):
        mce.match(mce.MCE(), HEAD, env, cliff[1], key=jax.random.key(0))


def test_what_no_state_observes_and_ends_that_nothing_makes_are_refused(cliff):
    env, demos = cliff
    noisy = dataclasses.replace(demos, obs=demos.obs + np.float32(0.1))
    with pytest.raises(DataError, match="observations are those of none"):
        mce.match(mce.MCE(), HEAD, env, noisy, key=jax.random.key(0))
    ended = dataclasses.replace(demos, terminated=np.ones_like(demos.terminated), truncated=~demos.truncated)
    with pytest.raises(DataError, match="the environment terminates no episode"):
        mce.match(mce.MCE(), HEAD, env, ended, key=jax.random.key(0))


def test_settings_without_effect_are_told():
    assert mce.MCE().idle() == {"hidden": "only where reward is network"}
    assert not mce.MCE(reward="network").idle()
