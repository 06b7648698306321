"""Goals that are reached: by who knows the way, by who stays where they are, and by who goes the wrong way."""

import re
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.build import Build
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds, Snapshots
from ilkit.data.spaces import Spaces
from ilkit.env import point_mass, point_maze, point_room, reach_grid, recorded
from ilkit.errors import DataError
from ilkit.evaluate.goals import Goals, evaluate
from ilkit.expert import scripted, waypoints
from ilkit.measuring.published import PublishedShare
from ilkit.reporting.goal_runs import failures_in, places_of
from ilkit.rollout.episodes import Episodes, rollout
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy
from tests.foreign.goal_env import reaching

KEY = jax.random.key(0)
CORRIDOR = ("#######", "#.....#", "#######")


def maze(**settings: Any) -> Build:
    spec = {"layout": CORRIDOR, "speed": 1.0, "max_steps": 48, **settings}
    return Build("env", "point_maze", point_maze.env, point_maze.PointMaze(**spec))


class Toward(Policy):
    """Goes straight to the goal, or in another direction."""

    gain: Float[Array, ""]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: dict[str, Array]) -> tuple[PyTree, Array]:
        way = obs["desired_goal"] - obs["achieved_goal"]
        return carry, self.gain * way / jnp.maximum(jnp.linalg.norm(way), 1.0)


class Doubtful(Toward):
    """Goes there by its mode, and stays where it is by its samples."""

    def sample(self, carry: PyTree, obs: dict[str, Array], *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        del key
        return carry, jnp.zeros(2)


def toward(env: Build, *gains: float, kind: type[Toward] = Toward) -> Seeds[Policy]:
    spaces = env().spaces
    one = kind(gain=jnp.asarray(gains), normalizer=Normalizer.identity(spaces.observation), spaces=spaces)
    return Seeds(
        eqx.tree_at(
            lambda policy: policy.normalizer,
            one,
            jax.tree.map(lambda leaf: jnp.stack([leaf] * len(gains)), one.normalizer),
        ),
        {},
        len(gains),
    )


def demos_of(env: Build) -> Any:
    expert = waypoints.expert(waypoints.Waypoints(), env, key=KEY)
    return rollout(Episodes(num_episodes=8), env, expert, key=KEY)


@pytest.fixture(scope="module")
def report() -> Any:
    env = maze()
    spec = Goals(
        num_episodes=64,
        num_resamples=200,
        held_out=True,
        acting="both",
        published=(PublishedShare(policy="direct", share=0.79, deviation=0.05, num_seeds=8),),
        source="OGBench",
    )
    with pytest.warns(UserWarning, match="held out from where they were told"):
        return evaluate(
            spec,
            env,
            demos_of(env),
            key=KEY,
            direct=toward(env, 1.0, 0.5),
            away=toward(env, -1.0, -1.0),
            doubtful=toward(env, 1.0, kind=Doubtful),
        )


def test_who_goes_there_gets_there_and_who_goes_away_does_not(report) -> None:
    metrics = report.metrics
    assert set(metrics) == {"direct", "away", "doubtful", "doubtful_sampled", "random"}
    assert metrics["direct"]["success"] == metrics["direct"]["held_out"] == 1.0
    assert metrics["away"]["success"] == metrics["doubtful_sampled"]["success"] == 0.0
    assert 0.0 < metrics["direct"]["success_low"] < 1.0
    assert metrics["direct"]["success_high"] == pytest.approx(1.0)
    assert metrics["direct"]["success_seeds_low"] == 1.0
    assert metrics["direct"]["at_end"] == 1.0


def test_who_takes_the_shortest_way_has_an_spl_of_about_one_and_at_half_the_speed_of_half(report) -> None:
    assert report.metrics["doubtful"]["spl"] == pytest.approx(0.95, abs=0.05)
    assert report.metrics["direct"]["spl"] == pytest.approx(0.75, abs=0.06)
    assert report.metrics["away"]["spl"] == 0.0
    assert "steps" not in report.metrics["away"]


def test_each_pair_and_each_distance_has_its_rate(report) -> None:
    by_pair = report.tables["success_by_pair"]
    columns = np.asarray(by_pair["start_column"]), np.asarray(by_pair["goal_column"])
    assert set(by_pair["start_row"]) == {1}
    assert (columns[0] != columns[1]).all()
    assert set(columns[0].tolist()) == {1, 2, 3, 4, 5}
    direct = [at for at, name in enumerate(by_pair["policy"]) if name == "direct"]
    assert sum(by_pair["episodes"][at] for at in direct) == 2 * 64
    assert all(by_pair["low"][at] < by_pair["success"][at] == 1.0 for at in direct)
    distances = report.tables["success_by_distance"]["steps_of_shortest_way"][:6]
    assert sorted(distances) == distances
    assert len(report.tables["episodes"]["away"]) == 64


def test_the_page_shows_the_map_the_published_number_and_the_pairs_that_fail(report) -> None:
    for said in (
        "held-out pairs",
        "gets stuck",
        "79% ± 5% (8)",
        "(OGBench)",
        "fails none of the 20 pairs",
        "doubtful_sampled",
    ):
        assert said in report.html, said
    assert len(re.findall("<svg", report.html)) == 3
    assert "held out" in report.summary.splitlines()[0]


def test_failures_are_drawn_from_their_starts_to_what_is_missing_to_their_goals() -> None:
    env = maze()
    world, policy = env(), toward(env, -1.0)[0]
    run = collect_episodes(world, policy, num_episodes=16, key=KEY)
    success = np.arange(16) % 2 == 0
    places, failures = places_of(world, run), failures_in(world, run, success)
    assert places is not None
    assert failures.episodes.tolist() == [1, 3, 5, 7, 9, 11]
    for episode, way in zip(failures.episodes, failures.ways, strict=True):
        np.testing.assert_allclose(way[0], places.starts[episode], atol=1e-5)
        np.testing.assert_allclose(way[-1], run.obs["achieved_goal"][episode, run.lengths[episode]], atol=1e-5)
    assert len(failures.stuck) == 8


def test_a_page_tells_start_end_and_goal_of_failures_apart_and_gives_each_policy_its_distances(report) -> None:
    _, maps, distances = re.findall("<svg.*?</svg>", report.html, flags=re.DOTALL)
    for label in ("start", "end", "goal"):
        assert maps.count(f">{label}</text>") == 1
    for name in ("direct", "away", "doubtful", "doubtful_sampled", "random"):
        assert distances.count(f">{name}</text>") == 1


def test_where_nobody_gets_there_none_is_best_and_where_no_pair_is_held_out_none_is_told_apart() -> None:
    env = maze(pairs="train")
    spec = Goals(num_episodes=16, num_resamples=10, held_out=True)
    with pytest.warns(UserWarning, match="No pair that was asked for is held out"):
        report = evaluate(spec, env, demos_of(env), key=KEY, one=toward(env, -1.0), two=toward(env, -0.5))
    assert "No policy reaches any of the goals" in report.html
    assert "held-out pairs" not in report.html
    assert "fails most often" in report.html
    assert "<td></td>" not in report.html
    assert report.summary.splitlines()[-1].startswith("No policy reaches any of the goals")


def test_at_the_end_is_not_at_any_time_where_one_does_not_stop() -> None:
    env = maze(at_goal="stay", jitter=0.0, pairs="from_first", max_steps=20)

    class Past(Toward):
        """Always goes to the right."""

        def mode(self, carry: PyTree, obs: dict[str, Array]) -> tuple[PyTree, Array]:
            return carry, jnp.array([1.0, 0.0])

    given = {"past": toward(env, 1.0, kind=Past)}
    found = [
        evaluate(Goals(num_episodes=32, counts=counts), env, demos_of(env), key=KEY, **given).metrics["past"]
        for counts in ("ever", "at_end")
    ]
    assert [found[0][counts] for counts in ("success", "ever", "at_end")] == [1.0, 1.0, 0.0]
    assert [found[1][counts] for counts in ("success", "ever", "at_end")] == [0.0, 1.0, 0.0]
    assert found[0]["final_distance"] > 1.0


def test_what_has_no_goals_or_changes_them_is_refused() -> None:
    env = maze()
    demos, policy = demos_of(env), toward(env, 1.0)
    mass = Build("env", "point_mass", point_mass.env, point_mass.PointMass())
    with pytest.raises(DataError, match="desired_goal"):
        evaluate(Goals(), mass, demos, key=KEY, one=policy)
    with pytest.raises(
        DataError, match="other than direct_sampled, direct_sampled_sampled, expert, random, got direct"
    ):
        evaluate(Goals(acting="both"), env, demos, key=KEY, **{"direct": policy, "direct_sampled": policy})
    with pytest.raises(DataError, match="got random"):
        evaluate(Goals(), env, demos, key=KEY, random=policy)
    with pytest.raises(DataError, match="must tell one goal an episode, got another one at each"):
        evaluate(Goals(num_episodes=8), maze(at_goal="new_goal"), demos, key=KEY, one=policy)
    with pytest.warns(UserWarning, match="Set tolerance above 0"):
        evaluate(Goals(tolerance=0.0, num_episodes=4, num_resamples=10), env, demos, key=KEY, one=policy)
    misspelled = Goals(published=(PublishedShare(policy="drect", share=0.1, deviation=0.1, num_seeds=8),))
    with pytest.raises(DataError, match=r"got 'drect'\. Did you mean 'direct'"):
        evaluate(misspelled, env, demos, key=KEY, direct=policy)
    room = point_room.env(point_room.PointRoom())
    assert [fault for fault in Goals(held_out=True).faults(room) if "holds no pairs out" in fault]
    assert [fault for fault in Goals().faults(recorded.env(recorded.Recorded())) if "recordings" in fault]


def test_a_policy_without_a_clock_acts_where_there_is_one_and_is_judged_along_its_training() -> None:
    env, clocked = maze(), maze(show_horizon=True)
    kept = jax.tree.map(lambda *rows: jnp.stack(rows), toward(env, -1.0, -1.0).stacked, toward(env, 1.0, -1.0).stacked)
    snapshots = Snapshots(kept, np.asarray([0, 5]), np.asarray([0, 50]))
    curves = {"step": np.asarray([10]), "env_steps": np.asarray([100])}
    learnt = Seeds(toward(env, 1.0, 1.0).stacked, curves, 2, snapshots)
    expert = Seeds(
        jax.tree.map(lambda leaf: leaf[None], waypoints.expert(waypoints.Waypoints(), clocked, key=KEY)), {}, 1
    )
    spec = Goals(num_episodes=16, num_resamples=100)
    report = evaluate(spec, clocked, demos_of(clocked), expert, key=KEY, learnt=learnt)
    assert report.metrics["learnt"]["success"] == report.metrics["expert"]["success"] == 1.0
    found = report.tables["learning_curves"]
    assert found["steps"] == [0, 50, 100]
    np.testing.assert_allclose(found["success"], [0.0, 0.5, 1.0])
    assert "Along training" in report.html


def test_on_the_host_and_without_a_map_there_is_no_shortest_way_and_the_page_says_so(monkeypatch) -> None:
    env = reaching(monkeypatch)
    world = env()
    demos = collect_episodes(world, RandomPolicy.of(world.spaces), num_episodes=4, key=KEY, stochastic=True)
    learnt = toward(env, 1.0)
    report = evaluate(Goals(num_episodes=12, num_resamples=100), env, demos.demonstrations(), key=KEY, learnt=learnt)
    assert report.metrics["learnt"]["success"] > report.metrics["random"]["success"]
    assert "spl" not in report.metrics["learnt"]
    assert "success_by_pair" not in report.tables
    assert "there is no SPL" in report.html
    assert "distance" in report.tables["success_by_distance"]


def test_in_a_grid_and_a_room_shortest_ways_are_those_of_their_steps() -> None:
    grid = reach_grid.env(reach_grid.ReachGrid())
    np.testing.assert_array_equal(grid.least_steps(np.asarray([0, 0]), np.asarray([0, 1])), [1.0, 1.0])
    room: Build = Build("env", "point_room", point_room.env, point_room.PointRoom(noise=0.0, tolerance=0.1))
    goals = np.asarray([[0.5, 0.0], [0.5, 0.5], [0.02, 0.0]])
    np.testing.assert_array_equal(room().least_steps(np.zeros((3, 2)), goals), [8.0, 18.0, 1.0])
    expert = scripted.expert(scripted.Scripted(), room, key=KEY)
    seeds = Seeds(jax.tree.map(lambda leaf: leaf[None], expert), {}, 1)
    demos = rollout(Episodes(num_episodes=2), room, expert, key=KEY)
    report = evaluate(Goals(num_episodes=32, counts="at_end", num_resamples=100), room, demos, key=KEY, learnt=seeds)
    assert report.metrics["learnt"]["success"] == 1.0
    assert report.metrics["learnt"]["spl"] > 0.95
