"""The report on what is visited: who is named, what the page shows, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.seeds import Seeds
from ilkit.env import grid_world, recall
from ilkit.env.grid_world import GridWorld
from ilkit.errors import DataError
from ilkit.evaluate.occupancies import Occupancies, evaluate
from ilkit.nn.state_rewards import TabularReward
from ilkit.stepping.episodes import collect_episodes

SPEC = Occupancies(num_resamples=100)


def grid(**settings):
    given = {"layout": ("..G", "S#."), "rewards": (("G", 1.0),), "slip": 0.2, "max_steps": 8, **settings}
    return Build("env", "grid_world", grid_world.env, GridWorld(**given))


def two(thing):
    return Seeds(jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), thing), {}, 2)


@pytest.fixture(scope="module")
def given():
    """An environment, demonstrations, the expert, and the true reward."""
    world = grid()()
    expert = world.demonstrator()
    demos = collect_episodes(world, expert, num_episodes=8, key=jax.random.key(0), stochastic=True).demonstrations()
    reward = TabularReward(values=world.rewards, table=expert.table, spaces=world.spaces, reads_action=False)
    return demos, two(expert), two(reward)


@pytest.mark.parametrize("changes", [{}, {"ends": "G"}, {"exchanged": "both"}], ids=["same", "ending", "exchanged"])
def test_policies_and_rewards_are_reported_together(given, changes):
    demos, expert, reward = given
    report = evaluate(SPEC, grid(**changes), demos, expert, key=jax.random.key(0), copied=expert, true=reward)
    assert report.metrics["true"]["share"] == pytest.approx(1.0)
    assert report.metrics["true"]["correlation"] == pytest.approx(1.0)
    returns = [report.metrics[name]["return"] for name in ("best", "copied", "random")]
    if not changes:
        assert returns == sorted(returns, reverse=True)
        assert report.metrics["copied"]["elsewhere"] < 0.2
    assert report.metrics["copied"] == report.metrics["expert"]
    for name in ("demonstrated", "expert", "copied", "true"):
        assert name in report.html
    assert set(report.tables["learning_curves"]) == {"env_steps", "copied", "true"}
    assert len(report.tables["visits"]["state"]) == (7 if "ends" in changes else 6)
    assert "copied" in report.summary


def test_policies_alone_need_no_reward_and_rewards_no_policy(given):
    demos, expert, reward = given
    alone = evaluate(SPEC, grid(), demos, key=jax.random.key(0), copied=expert)
    assert "Rewards in numbers" not in alone.html
    alone = evaluate(SPEC, grid(), demos, key=jax.random.key(0), found=reward)
    assert "Rewards in numbers" in alone.html
    assert "elsewhere than was demonstrated:" not in alone.html


def test_what_has_no_tables_or_fits_nothing_is_refused(given):
    demos, expert, reward = given
    with pytest.raises(DataError, match="needs a policy or a reward, got none"):
        evaluate(SPEC, grid(), demos, key=jax.random.key(0))
    other = Build("env", "recall", recall.env, recall.Recall())
    with pytest.raises(DataError, match="occupancies needs one whose transitions are known"):
        evaluate(SPEC, other, demos, key=jax.random.key(0), copied=expert)
    wider = grid(layout=("..G.", "S#.."))
    world = wider()
    shown = collect_episodes(world, world.demonstrator(), num_episodes=2, key=jax.random.key(0)).demonstrations()
    with pytest.raises(DataError, match="The reward was learnt from observations"):
        evaluate(SPEC, wider, shown, key=jax.random.key(0), found=reward)
    with pytest.raises(DataError, match="observations must be those of the environment"):
        evaluate(SPEC, wider, shown, key=jax.random.key(0), copied=expert)
    assert np.isfinite(shown.returns).all()
