"""The cost against the horizon: simulated, calculated, and on the page."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Discrete
from ilkit.env import cart_pole, cliff, gymnasium, pendulum, recorded, rope
from ilkit.errors import DataError
from ilkit.evaluate.compounding import Compounding, costs_within, evaluate
from ilkit.expert.scripted import Scripted, expert
from ilkit.measuring.comparison import Resampling
from ilkit.measuring.growth import compare_costs, measure_growth
from ilkit.rollout import episodes
from ilkit.stepping.random_policy import RandomPolicy

KEY = jax.random.key(0)
SETTINGS = {"horizons": (10, 20, 50, 100), "num_episodes": 8192, "num_resamples": 200}


def stacked(policy: Policy, count: int) -> Seeds:
    return Seeds(jax.tree.map(lambda leaf: jnp.stack([jnp.asarray(leaf)] * count), policy), {}, count)


def always_keeps(env) -> Policy:
    """The expert, with the same answer everywhere."""
    return eqx.tree_at(lambda policy: policy.network.layers.weights, env.demonstrator(), (jnp.zeros((2, 1)),))


def report(world: Build, count: int = 3, spec: dict | None = None, **policies) -> Report:
    env = world()
    demos = episodes.rollout(episodes.Episodes(num_episodes=2), world, env.demonstrator(), key=KEY)
    given = {"bc": stacked(always_keeps(env), count), "dagger": stacked(env.demonstrator(), count)} | policies
    return evaluate(
        Compounding(**SETTINGS | (spec or {})),
        world,
        demos,
        stacked(expert(Scripted(), world, key=KEY), 1),
        key=KEY,
        **given,
    )


@pytest.fixture(scope="module")
def on_rope() -> Report:
    return report(Build("env", "rope", rope.env, rope.Rope(error=1e-3)))


@pytest.fixture(scope="module")
def at_cliff() -> Report:
    return report(Build("env", "cliff", cliff.env, cliff.Cliff(error=1e-3)))


def test_exponents_are_two_of_a_clone_and_one_of_dagger_on_the_rope(on_rope: Report) -> None:
    clone, dagger = on_rope.metrics["bc"], on_rope.metrics["dagger"]
    assert clone["exact_exponent"] == pytest.approx(1.94, abs=0.01)
    assert dagger["exact_exponent"] == pytest.approx(1.0, abs=1e-6)
    assert clone["exponent"] == pytest.approx(clone["exact_exponent"], abs=0.06)
    assert dagger["exponent"] == pytest.approx(1.0, abs=0.06)
    assert f"{clone['exact_cost']['100']:.4f}" == "4.7324"
    assert f"{dagger['exact_cost']['100']:.4f}" == "0.1000"
    assert clone["exponent_low"] < clone["exponent"] < clone["exponent_high"]


def test_costs_are_equal_at_the_cliff(at_cliff: Report) -> None:
    clone, dagger, pair = (at_cliff.metrics[name] for name in ("bc", "dagger", "dagger_over_bc"))
    assert clone["exact_cost"] == dagger["exact_cost"]
    assert clone["cost"] == dagger["cost"]  # the same episodes
    assert pair == {"ratio": 1.0, "low": 1.0, "high": 1.0}


@pytest.mark.parametrize("name", ["on_rope", "at_cliff"])
def test_simulation_agrees_with_what_was_calculated(name: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(name)
    table = {column: np.asarray(values) for column, values in found.tables["costs"].items()}
    assert len(table["cost"]) == 3 * 4
    np.testing.assert_allclose(table["cost"], table["exact"], rtol=0.25)
    assert (table["low"] <= table["cost"]).all()
    assert (table["cost"] <= table["high"]).all()


def test_the_page_and_the_summary_say_it(on_rope: Report) -> None:
    json.dumps(dict(on_rope.metrics))
    assert "∝ T²" in on_rope.html
    assert on_rope.html.count("<svg") == 1
    assert f"that of bc grows with T to the power of {on_rope.metrics['bc']['exponent']:.2f}" in on_rope.summary
    assert "dagger costs 0.02" in on_rope.summary


def test_units_are_seeds_or_of_one_seed_blocks_of_its_episodes() -> None:
    env = rope.env(rope.Rope(error=0.01))
    policies = [always_keeps(env), always_keeps(env)]
    spec = Compounding(horizons=(10, 100), num_episodes=500)
    two, one = costs_within(spec, env, policies, key=KEY), costs_within(spec, env, policies[:1], key=KEY)
    assert (two.shape, one.shape) == ((2, 2), (32, 2))
    assert one.mean() == pytest.approx(two[0].mean(), rel=0.02)
    assert not np.array_equal(two[0], two[1])


def test_the_interval_of_an_exponent_resamples_units_together() -> None:
    ends = np.array([1, 10, 100])
    costs = np.outer([1.0, 2.0, 4.0], ends**1.5)
    growth = measure_growth(costs, None, ends, Resampling(0.95, 100, 0))
    np.testing.assert_allclose([growth.exponent, *growth.exponent_interval], 1.5)
    assert growth.interval.low[0] < growth.mean[0] < growth.interval.high[0]
    double = growth._replace(costs=2 * costs)
    (ratio,) = compare_costs({"one": growth, "two": double}, Resampling(0.95, 100, 0))
    np.testing.assert_allclose([ratio.ratio, *ratio.interval], 2.0)
    assert not compare_costs({"one": growth, "fewer": growth._replace(costs=costs[:2])}, Resampling(0.95, 100, 0))


def test_a_policy_without_costs_has_no_exponent() -> None:
    found = report(Build("env", "rope", rope.env, rope.Rope(error=0.0)), spec={"num_episodes": 64})
    assert "exponent" not in found.metrics["bc"]
    assert "bc costs nothing within 10 steps" in found.summary
    assert "dagger_over_bc" not in found.metrics


def test_on_the_host_costs_are_those_of_collected_episodes() -> None:
    world = Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id="Pendulum-v1", max_steps=20))
    env = world()
    spec = Compounding(horizons=(1, 20), num_episodes=3, stochastic=True)
    found = costs_within(spec, env, [RandomPolicy.of(env.spaces)], key=KEY)
    assert found.shape == (3, 2)
    assert (found[:, 1] > found[:, 0]).all()


def random_on(world: Build, **spec) -> Report:
    env = world()
    assert isinstance(env.spaces.action, Box | Discrete)
    policy = RandomPolicy.of(env.spaces)
    demos = episodes.rollout(episodes.Episodes(num_episodes=2), world, policy, key=KEY)
    return evaluate(Compounding(**SETTINGS | spec), world, demos, key=KEY, cloned=stacked(policy, 1))


def test_rewards_are_refused_and_other_costs_are_not() -> None:
    with pytest.raises(DataError, match="Costs must not be negative, but within a horizon rewards sum up to"):
        random_on(Build("env", "cart_pole", cart_pole.env, cart_pole.CartPole()), num_episodes=8)
    found = random_on(Build("env", "pendulum", pendulum.env, pendulum.Pendulum()), num_episodes=8, stochastic=True)
    assert "exact_exponent" not in found.metrics["cloned"]
    assert found.metrics["cloned"]["exponent"] == pytest.approx(1.0, abs=0.3)


def test_what_cannot_be_run_for_so_long_is_refused() -> None:
    with pytest.raises(ValidationError, match="horizons must grow"):
        Compounding(horizons=(20, 10))
    world = rope.env(rope.Rope(max_steps=50))
    assert list(Compounding().faults(world)) == [
        "horizons: must be max_steps of the environment at most (50), got 100."
    ]
    assert "where all is recorded" in next(iter(Compounding().faults(recorded.env(recorded.Recorded()))))
    with pytest.raises(DataError, match="at most"):
        report(Build("env", "rope", rope.env, rope.Rope(max_steps=50)))
