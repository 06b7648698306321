"""A reward is found from comparisons: up to a constant and a scale, and only as far as answers go."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Float

from ilkit.data.build import Build
from ilkit.data.clip_digests import equal_pairs
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.preferences import Preferences, join_pairs
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.network import gru, mlp
from ilkit.reward.bradley_terry import BradleyTerry, reward
from ilkit.running import loop

SPACES = Spaces(observation=Box.symmetric((np.inf,) * 3), action=Box.symmetric((1.0,)))
WEIGHTS = np.asarray([1.0, -2.0, 0.5])
LINEAR = Build("network", "mlp", mlp.network, mlp.MLP(hidden=()))
SMALL = Build("network", "mlp", mlp.network, mlp.MLP(hidden=(16,)))


def clips(count: int, seed: int, steps: int = 2) -> Demonstrations:
    """Episodes whose reward is linear in the observation, of one or more steps."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, steps + 1, count).astype(np.int32)
    obs = random.standard_normal((lengths.sum() + count, 3)).astype(np.float32)
    actions = random.uniform(-1, 1, (lengths.sum(), 1)).astype(np.float32)
    places = np.arange(lengths.sum()) + np.repeat(np.arange(count), lengths)
    rewards = (obs[places] @ WEIGHTS + 3.0).astype(np.float32)
    return Demonstrations(obs, actions, rewards, np.zeros(count, bool), np.ones(count, bool), lengths, spaces=SPACES)


def answered(count: int, mistake: float = 0.0, steps: int = 2) -> Preferences:
    first, second = clips(count, 1, steps), clips(count, 2, steps)
    random = np.random.default_rng(3)
    says = random.random(count) < 1 / (1 + np.exp(-(first.returns - second.returns)))
    return Preferences(first, second, (says ^ (random.random(count) < mistake)).astype(np.float32))


def learnt(spec: BradleyTerry, asked: Preferences, network: Build[Any] = LINEAR, seed: int = 0) -> Any:
    return loop.train(lambda key: reward(spec, network, asked, key=key), key=jax.random.key(seed))


def rewards_of(found: Any, demos: Demonstrations) -> Float[np.ndarray, " steps"]:
    ended = np.zeros(demos.num_steps, bool)
    steps = (demos.before(), demos.actions, demos.after(), ended)
    return np.asarray(_rewards(found, *map(jnp.asarray, steps)))


@eqx.filter_jit
def _rewards(found: Any, *steps: Any) -> Any:
    return jax.vmap(found)(*steps)


def test_a_linear_reward_is_found() -> None:
    spec = BradleyTerry(inputs="obs", num_members=2, learning_rate=0.02, num_steps=300)
    found, new = learnt(spec, answered(2000))[0], clips(400, 9)
    assert np.corrcoef(rewards_of(found, new), new.rewards)[0, 1] >= 0.99
    asked = answered(2000, steps=1)  # of equal lengths, for which the zero of a reward doesn't matter
    gaps = [np.add.reduceat(rewards_of(found, side), side.starts) for side in (asked.first, asked.second)]
    true = asked.first.returns > asked.second.returns
    agrees, bayes = (np.mean((side == 1) == (asked.probability == 1)) for side in (gaps[0] > gaps[1], true))
    assert agrees >= 0.95 * bayes


def test_rewards_are_in_units_of_the_clips_and_members_differ() -> None:
    asked = answered(64)
    found = learnt(BradleyTerry(num_members=3, num_steps=20), asked, SMALL)[0]
    everything = [(side.before(), side.actions, side.after()) for side in (asked.first, asked.second)]
    obs, actions, after = (jnp.concatenate(columns) for columns in zip(*everything, strict=True))
    members = jax.vmap(found.members)(obs, actions, after, jnp.zeros(len(obs), bool))
    np.testing.assert_allclose(members.mean(axis=0), 0.0, atol=1e-4)
    np.testing.assert_allclose(members.std(axis=0), 1.0, atol=1e-4)
    assert found.num_members == members.shape[1] == 3
    said = found.raw(lambda network: network((), found.see(obs[0], actions[0], after[0]))[1][0])
    np.testing.assert_allclose(found.log_odds * members[0] + found.units.mean, said, rtol=1e-4)
    assert np.std(members, axis=1).max() > 1e-3
    one = jax.vmap(found)(obs, actions, after, jnp.zeros(len(obs), bool))
    np.testing.assert_allclose(one, members.mean(axis=1), atol=1e-5)


@pytest.mark.parametrize("inputs", ["obs", "obs_action", "next_obs"])
def test_it_depends_on_its_inputs_alone(inputs: str) -> None:
    found = learnt(BradleyTerry(inputs=inputs, num_members=1, num_steps=3), answered(32), SMALL)[0]
    step = {"obs": jnp.ones(3), "action": jnp.ones(1), "next_obs": jnp.ones(3)}
    going = jnp.asarray(False)
    changed = {
        name: bool(found(**{**step, name: value + 0.5}, terminated=going) != found(**step, terminated=going))
        for name, value in step.items()
    }
    assert {name for name, differs in changed.items() if differs} == set(
        {"obs": ["obs"], "obs_action": ["obs", "action"], "next_obs": ["next_obs"]}[inputs]
    )
    assert found.reads_action == (inputs == "obs_action")


def test_what_was_held_out_says_when_to_stop() -> None:
    asked, new = answered(100, mistake=0.3), clips(400, 9)
    wide = Build("network", "mlp", mlp.network, mlp.MLP(hidden=(64,)))
    common = {"inputs": "obs_action", "num_members": 1, "learning_rate": 0.03, "num_steps": 300}
    held = learnt(BradleyTerry(holdout=0.2, mistake=0.3, **common), asked, wide)
    whole = learnt(BradleyTerry(holdout=0.0, **common), asked, wide)
    assert held.curves["best_step"][0, -1] < 200
    stopped, overfit = (np.corrcoef(rewards_of(one[0], new), new.rewards)[0, 1] for one in (held, whole))
    assert stopped > overfit + 0.05


def test_equal_pairs_are_on_one_side_of_a_holdout() -> None:
    asked = answered(10)
    thrice = join_pairs(
        [asked, Preferences(asked.second, asked.first, 1 - asked.probability), asked.take(np.arange(5))]
    )
    equal = equal_pairs(thrice)
    assert (equal == [*range(10), *range(10), *range(5)]).all()
    state = reward(BradleyTerry(holdout=0.3, num_members=6), SMALL, thrice, key=jax.random.key(4)).state
    for member, count in enumerate(state.counts.held_out.tolist()):
        held, kept = set(equal[state.held_out.rows[member, :count]]), set(equal[state.own[member]])
        assert abs(count - 8) <= 1
        assert held
        assert not held & kept
    whole = reward(BradleyTerry(holdout=0.3, num_members=1), SMALL, thrice, key=jax.random.key(4)).state
    count = int(whole.counts.learnt[0])
    assert {*equal[whole.own[0, :count]], *equal[whole.held_out.rows[0, : 25 - count]]} == set(range(10))


def test_held_out_pairs_are_looked_at_the_less_often_the_later() -> None:
    spec = BradleyTerry(num_members=1, holdout=0.2, learning_rate=0.03, num_steps=70)
    curves = learnt(spec, answered(100, mistake=0.3), SMALL).curves
    looks = np.asarray([*range(1, 32), *range(32, 48, 2), *range(48, 64, 3), 64, 68, 70])
    told = curves["held_out_loss"][0]
    np.testing.assert_array_equal(np.flatnonzero(np.diff(told)) + 2, looks[1:])
    best = curves["best_step"][0]
    assert best[-1] == looks[told[looks - 1].argmin()]
    assert set(best.tolist()) <= set(looks.tolist())


def test_of_few_pairs_one_is_held_out() -> None:
    state = reward(BradleyTerry(num_members=1), SMALL, answered(4), key=jax.random.key(4)).state
    assert (int(state.counts.learnt[0]), int(state.counts.held_out[0])) == (3, 1)


def test_bad_input_is_refused() -> None:
    asked = answered(8)
    alike = Preferences(asked.first, asked.second, np.full(8, 0.5, np.float32))
    with pytest.raises(DataError, match=r"got a probability of 0\.5 for all 8"):
        learnt(BradleyTerry(), alike)
    with pytest.raises(DataError, match=r"holdout must leave pairs on both sides, got 0\.99 of 8"):
        learnt(BradleyTerry(holdout=0.99), asked)
    one = asked.take(np.zeros(8, int))
    with pytest.raises(DataError, match="all 8 pairs are of the same two clips"):
        learnt(BradleyTerry(), Preferences(one.first, one.second, np.linspace(0, 1, 8).astype(np.float32)))
    with pytest.raises(DataError, match="this network remembers earlier ones"):
        learnt(BradleyTerry(), asked, Build("network", "gru", gru.network, gru.GRU()))
