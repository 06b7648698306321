"""Goals of gymnasium's environments: observed, handed out, or among what is observed."""

from typing import Any

import jax
import numpy as np
import pytest

from ilkit.artifact import codec
from ilkit.augment import relabel
from ilkit.data.environment import GoalReaching
from ilkit.data.goal_entries import ACHIEVED, DESIRED, goal_faults
from ilkit.data.goal_settings import Goal
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Dict
from ilkit.errors import DataError
from ilkit.evaluate import goals
from ilkit.imitate.gcbc import GCBC, imitate
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy
from ilkit.stepping.repeats import check_repeats
from ilkit.testing.arguments import Options, part
from tests.foreign.goal_env import reaching

KEY = jax.random.key(0)
PLACE = Goal(achieved=(0,))
SEEDED = {"seed_numpy": True}


def episode(env: Any, seed: int = 3) -> list[Any]:
    one = env().make()
    seen = [one.reset(seed=seed)[0], *(one.step(np.asarray([a], np.float32))[0] for a in (1.0, -0.5))]
    assert all(one.observation_space.contains(obs) for obs in seen)
    return seen


def test_an_environment_that_observes_goals_works_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    env = reaching(monkeypatch)
    world = env()
    assert goal_faults(world.spaces.observation) == ()
    assert isinstance(world, GoalReaching)
    assert world.goal_tolerance == 0.25  # it tells it
    assert reaching(monkeypatch, goal=Goal(tolerance=0.5))().goal_tolerance == 0.5
    wander = RandomPolicy.of(world.spaces)
    run = collect_episodes(world, wander, num_episodes=40, key=KEY, stochastic=True)
    assert 0 < run.success.mean() < 1
    demos = run.demonstrations()
    assert list(demos.obs) == [ACHIEVED, DESIRED, "observation"]
    policy = Options(parts={"policy": {"kind": "gaussian"}, "network": {"kind": "mlp", "hidden": [32]}})
    spec = GCBC(num_steps=1000, learning_rate=3e-3, relative=True)
    learnt = loop.train(lambda *, key: imitate(spec, part("policy", policy), demos, key=key), key=KEY)[0]
    told, drawn = (
        collect_episodes(world, one, num_episodes=30, key=KEY, stochastic=True).success.mean()
        for one in (learnt, wander)
    )
    assert told > drawn + 0.2
    found = relabel.augment(relabel.Relabel(keep_original=False), env, demos, key=KEY)
    led_to = found.after()
    np.testing.assert_array_equal(found.rewards, np.abs(led_to[ACHIEVED] - led_to[DESIRED])[:, 0] <= 0.25)


def test_policies_are_told_goals_on_the_host_and_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    env = reaching(monkeypatch, "Telling", goal=Goal(achieved=(0,), tolerance=0.25), **SEEDED)
    random = RandomPolicy.of(env().spaces)
    demos = collect_episodes(env(), random, num_episodes=4, key=KEY, stochastic=True).demonstrations()
    one = Seeds(jax.tree.map(lambda leaf: leaf[None], random), {}, 1)
    spec = goals.Goals(num_episodes=16, num_resamples=10)
    report = goals.evaluate(spec, env, demos, key=KEY, wandering=one)
    assert "Telling-v0" in report.html
    with pytest.warns(UserWarning, match="nothing can succeed"):
        goals.evaluate(spec.model_copy(update={"tolerance": 0.0}), env, demos, key=KEY, wandering=one)


def test_a_goal_that_a_reset_hands_out_is_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    env = reaching(monkeypatch, "Telling", goal=PLACE, **SEEDED)
    line = Box(low=(-2.0,), high=(2.0,))
    entries = {"observation": Box.symmetric((2.0, 2.0)), ACHIEVED: line, DESIRED: line}
    assert env().spaces.observation == Dict(entries=entries)  # type: ignore[arg-type]
    seen = episode(env)
    goal = seen[0][DESIRED]
    assert goal.shape == (1,)
    for obs in seen:
        np.testing.assert_array_equal(obs[ACHIEVED], obs["observation"][:1])
        np.testing.assert_array_equal(obs[DESIRED], goal)
    assert episode(env, 4)[0][DESIRED] != goal
    np.testing.assert_array_equal(
        episode(reaching(monkeypatch, "TellingPlace", goal=PLACE, **SEEDED))[0][DESIRED], goal
    )
    whole = episode(reaching(monkeypatch, "Telling", goal=Goal(), **SEEDED))[0]
    np.testing.assert_array_equal(whole[DESIRED], [goal[0], 0.0])
    np.testing.assert_array_equal(whole[ACHIEVED], whole["observation"])


def test_a_goal_among_the_entries_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    env = reaching(monkeypatch, "Showing", goal=Goal(achieved=(0,), desired=(2,)))
    assert isinstance(env(), GoalReaching)  # its name for it is a known one
    obs = episode(env)[1]
    assert obs["observation"].shape == (2,)
    np.testing.assert_allclose(obs[DESIRED], episode(reaching(monkeypatch))[1][DESIRED], rtol=1e-6)


def test_goals_that_are_dictionaries_become_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    env = reaching(monkeypatch, "Nested")
    assert goal_faults(env().spaces.observation) == ()
    for name, rows in episode(env)[2].items():
        np.testing.assert_allclose(rows, episode(reaching(monkeypatch))[2][name], rtol=1e-6)


def test_an_environment_with_goals_is_stored_and_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    world = reaching(monkeypatch, goal=Goal(tolerance=0.5))()
    codec.write(world, tmp_path)
    again = codec.read(tmp_path)
    assert again == world
    assert isinstance(again, GoalReaching)


def test_what_is_drawn_from_the_shared_generator_repeats_once_it_is_seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"set seed_numpy of env\.gymnasium where it draws"):
        check_repeats(reaching(monkeypatch, "Telling")())
    before = np.random.get_state()[1].tolist()  # type: ignore[index, union-attr]
    check_repeats(reaching(monkeypatch, "Telling", **SEEDED)())
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index, union-attr]


def test_without_a_tolerance_it_is_not_known_what_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.foreign.goal_env.Reach.distance_threshold", "unknown")
    assert not isinstance(reaching(monkeypatch)(), GoalReaching)
    monkeypatch.setattr("tests.foreign.goal_env.Reach.distance_threshold", 0.25)
    monkeypatch.setattr("tests.foreign.goal_env.Reach.rotation_threshold", 0.1, raising=False)
    assert not isinstance(reaching(monkeypatch)(), GoalReaching)


def test_a_tolerance_of_0_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    env = reaching(monkeypatch, goal=Goal(tolerance=0.0))
    with pytest.warns(UserWarning, match="nothing can succeed"):
        env()


@pytest.mark.parametrize(
    ("name", "goal", "message"),
    [
        (
            "Telling",
            Goal(achieved=(2,)),
            r"env\.gymnasium\.goal\.achieved: must be numbers of 2 entries, from 0, got 2",
        ),
        (
            "Reach",
            Goal(achieved=("observation",)),
            "achieved: must be left out where achieved_goal is observed already",
        ),
        (
            "Showing",
            Goal(achieved=(0,)),
            r"must observe a goal, or hand one out in info\[.goal.\] of a reset, got nothing",
        ),
        ("TellingMore", Goal(achieved=(0,)), r"must be like what is achieved, of shape \(1,\), or a whole observation"),
    ],
)
def test_goals_that_are_not_there_are_refused(
    name: str, goal: Goal, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match=message):
        reaching(monkeypatch, name, goal=goal, **SEEDED)()
