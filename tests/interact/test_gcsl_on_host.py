"""Practice in an environment on the host: a round is gathered, to the same bytes after a stop."""

from typing import Any

import jax
import numpy as np
import pytest

from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.goal_settings import Goal
from ilkit.errors import DataError
from ilkit.interact.gcsl import GCSL, interact
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.testing.arguments import Options, part
from tests.foreign.goal_env import reaching

pytestmark = pytest.mark.bits

HEAD = {"kind": "gaussian", "state_dependent_std": False}
KEY = jax.random.key(0)


def training(env: Any, num_seeds: int = 1, **settings: Any) -> tuple[Any, Any]:
    policy = part("policy", Options(parts={"policy": HEAD, "network": {"kind": "mlp", "hidden": [32]}}))
    spec = GCSL(**{"num_rounds": 4, "num_envs": 2, "updates": 5, **settings})
    return loop.prepare(lambda *, key: interact(spec, policy, env, key=key), (), key=KEY, num_seeds=num_seeds)


def test_practice_on_the_host_reaches_goals(monkeypatch: pytest.MonkeyPatch) -> None:
    env = reaching(monkeypatch)
    settings = {"num_rounds": 12, "num_envs": 8, "updates": 60, "learning_rate": 1e-2, "random_rounds": 2}
    run, key = training(env, 2, **settings)
    found = loop.drive(run, key, 2)
    assert found.curves["success"].shape == (2, 12)
    for one in found:
        reached = collect_episodes(env(), one.policy, num_episodes=40, key=jax.random.key(5))
        away = np.abs(reached.obs[ACHIEVED] - reached.obs[DESIRED])[:, -1, 0]
        assert (away <= 0.25).mean() > 0.7
    gathered = found[0].demos.demonstrations()
    assert gathered.num_episodes == 12 * 8
    np.testing.assert_array_equal(gathered.lengths, 8)
    moved = np.clip(gathered.before()[ACHIEVED] + gathered.actions / 2, -2, 2)
    np.testing.assert_allclose(gathered.after()[ACHIEVED], moved, atol=1e-5)
    leaves = zip(jax.tree.leaves(found[0].policy), jax.tree.leaves(found[1].policy), strict=True)
    assert any((np.asarray(one) != np.asarray(two)).any() for one, two in leaves)


def test_the_curve_tells_of_the_episodes_of_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    run, key = training(reaching(monkeypatch), num_rounds=1, num_envs=8)
    seeds = loop.drive(run, key, 1)
    demos = seeds[0].demos.demonstrations()
    ends = demos.after(demos.stops - 1)
    away = np.abs(ends[ACHIEVED] - ends[DESIRED])[:, 0]
    assert seeds.curves["final_distance"][0, 0] == pytest.approx(away.mean(), rel=1e-5)
    assert seeds.curves["success"][0, 0] == pytest.approx((away <= 0.25).mean())
    assert seeds.curves["env_steps"].tolist() == [8 * 8]


@pytest.mark.parametrize("num_seeds", [1, 2])
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(num_seeds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    env = reaching(monkeypatch, "Telling", goal=Goal(achieved=(0,), tolerance=0.25), seed_numpy=True)
    run, key = training(env, num_seeds)
    whole = loop.drive(run, key, num_seeds)
    chunks = loop.advance(run, loop.start(run, num_seeds), key=key, num_seeds=num_seeds, chunk_size=1)
    *_, half = (one for one in chunks if one.step <= 2)
    again, key = training(env, num_seeds)
    resumed = loop.drive(again, key, num_seeds, progress=half)
    for mine, theirs in zip(jax.tree.leaves(whole.stacked), jax.tree.leaves(resumed.stacked), strict=True):
        assert np.asarray(mine).tobytes() == np.asarray(theirs).tobytes()


def test_without_a_known_tolerance_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    env = reaching(monkeypatch, "Telling", goal=Goal(achieved=(0,)), seed_numpy=True)
    monkeypatch.setattr("tests.foreign.goal_env.Reach.distance_threshold", None)
    with pytest.raises(DataError, match=r"interact\.gcsl\.tolerance: must be given where the environment doesn't say"):
        training(env)
    training(env, tolerance=0.5)
