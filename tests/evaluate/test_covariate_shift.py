"""Covariate shift of policies whose drift is known."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.seeds import Seeds
from ilkit.data.uncertainty import Uncertainty
from ilkit.env import gymnasium, point_mass, recall, recorded, rope
from ilkit.errors import DataError
from ilkit.evaluate.covariate_shift import CovariateShift, evaluate
from ilkit.expert.lqr import LQR, expert
from ilkit.rollout import episodes
from ilkit.stepping.random_policy import RandomPolicy

KEY = jax.random.key(0)
POINT = Build("env", "point_mass", point_mass.env, point_mass.PointMass(max_steps=40))
EXPERT = expert(LQR(), POINT, key=KEY)


def stacked(*policies: Policy) -> Seeds:
    return Seeds(jax.tree.map(lambda *leaves: jnp.stack(leaves), *policies), {}, len(policies))


def scaled(factor: float) -> Policy:
    return eqx.tree_at(lambda policy: policy.gain, EXPERT, factor * EXPERT.gain)


def record(world: Build, policy: Policy, count: int, seed: int = 5) -> Demonstrations:
    return episodes.rollout(episodes.Episodes(num_episodes=count), world, policy, key=jax.random.key(seed))


def report(world: Build = POINT, shown: Policy = EXPERT, count: int = 20, asked: bool = True, **policies) -> Report:
    spec = CovariateShift(num_episodes=20, num_permutations=199, num_times=11)
    given = {"expert": stacked(shown)} if asked else {}
    return evaluate(spec, world, record(world, shown, count), key=KEY, **given, **policies)


@pytest.fixture(scope="module")
def found() -> Report:
    return report(good=stacked(EXPERT, EXPERT), slow=stacked(scaled(0.3), scaled(0.4)))


def test_the_expert_itself_does_not_differ(found: Report) -> None:
    good = found.metrics["good"]
    assert good["p_value"] > 0.05
    assert abs(good["distance"]) < 0.1
    assert "onset" not in good
    assert good["error"] < 1e-6
    assert good["error_at_expert_states"] < 1e-6
    assert "error_ratio" not in good


def test_who_does_too_little_lags_behind_from_soon_after_the_start_on(found: Report) -> None:
    slow, table = found.metrics["slow"], found.tables["shift"]
    assert slow["p_value"] == pytest.approx(1 / 200)
    assert slow["distance"] > 0.2
    assert 0 < slow["onset"] <= 20
    start = [row for row in zip(*table.values(), strict=True) if row[0] == "slow" and row[1] == 0]
    assert start[0][list(table).index("adjusted")] > 0.05


def test_an_error_is_measured_where_the_policy_goes_and_where_the_expert_goes(found: Report) -> None:
    """A part s of the gain leaves 1 - s of the answer undone."""
    slow = found.metrics["slow"]
    assert slow["error"] > slow["error_at_expert_states"] > 0
    assert slow["error_ratio"] == pytest.approx(slow["error"] / slow["error_at_expert_states"])
    shown = report(half=stacked(scaled(0.5)), none=stacked(scaled(0.0))).metrics
    assert shown["none"]["error_at_expert_states"] == pytest.approx(
        2 * shown["half"]["error_at_expert_states"], rel=1e-4
    )


def test_the_page_the_summary_and_the_metrics_say_it(found: Report) -> None:
    json.dumps(dict(found.metrics))
    assert found.html.count("<svg") == 3
    assert "Errors along the steps" in found.html
    assert "Where episodes leave" in found.html
    assert "By step" in found.summary
    assert "The states of good never surely differ from the expert's" in found.summary


def test_without_an_expert_the_demonstrations_are_the_reference_and_nobody_answers() -> None:
    shown = report(asked=False, slow=stacked(scaled(0.3)))
    assert "error" not in shown.metrics["slow"]
    assert "doubt" not in shown.metrics["slow"]
    assert "the demonstrated ones" in shown.summary
    assert shown.html.count("<svg") == 2
    held_out = record(POINT, EXPERT, 20, seed=6)
    spec = CovariateShift(num_episodes=20, num_permutations=199)
    slow = stacked(scaled(0.3))
    other = evaluate(spec, POINT, record(POINT, EXPERT, 1), held_out=held_out, key=KEY, slow=slow)
    assert "those held out" in other.summary
    with pytest.raises(DataError, match="two episodes at least, got 1"):
        report(asked=False, count=1, slow=stacked(scaled(0.3)))


def test_an_expert_who_remembers_is_asked_along_the_whole_episode() -> None:
    world = Build("env", "recall", recall.env, recall.Recall(delay=3))
    env = world()
    shown = report(
        world, env.demonstrator(), right=stacked(env.demonstrator()), any=stacked(RandomPolicy.of(env.spaces))
    )
    assert shown.metrics["right"]["error"] == 0.0
    assert shown.metrics["any"]["error"] > 0.0


def test_a_clone_on_the_rope_has_errors_that_grow() -> None:
    world = Build("env", "rope", rope.env, rope.Rope(error=0.01, max_steps=100))
    keeps = eqx.tree_at(lambda one: one.network.layers.weights, world().demonstrator(), (jnp.zeros((2, 1)),))
    spec = CovariateShift(num_episodes=200, num_permutations=99)
    calm = Build("env", "rope", rope.env, rope.Rope(error=0.0, max_steps=100))
    demos = record(calm, world().demonstrator(), 20)
    shown = evaluate(spec, world, demos, stacked(world().demonstrator()), key=KEY, bc=stacked(keeps)).metrics["bc"]
    assert 1.4 < shown["error_growth"] < 2.2
    assert shown["error_ratio"] > 5


class DistanceUncertainty(Uncertainty):
    """The variance is the square of the first coordinate."""

    scale: Float[Array, ""]

    def covariance(self, obs: Float[Array, " obs"]) -> Float[Array, "act act"]:
        return self.scale * obs[0] ** 2 * jnp.eye(2)


def test_doubt_is_that_at_the_states_of_each() -> None:
    demos, spec = record(POINT, EXPERT, 20), CovariateShift(num_episodes=20, num_permutations=19, num_times=3)
    doubt = Seeds(DistanceUncertainty(jnp.array([1.0, 9.0])), {}, 2)
    shown = evaluate(spec, POINT, demos, uncertainty=doubt, key=KEY, slow=stacked(scaled(0.3)))
    expected = 2.0 * np.abs(demos.obs[:, 0].reshape(20, 41)[:, [0, 20, 40]]).mean()
    assert shown.metrics["slow"]["doubt_at_reference"] == pytest.approx(expected, rel=1e-5)
    assert shown.metrics["slow"]["doubt"] > expected  # it lags behind, further from the goal
    assert "Doubt along the steps" in shown.html


def test_an_environment_on_the_host_is_run() -> None:
    world = Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id="Pendulum-v1", max_steps=15))
    policy = RandomPolicy.of(world().spaces)
    spec = CovariateShift(num_episodes=4, num_permutations=19)
    demos = record(world, policy, 4)
    shown = evaluate(spec, world, demos, stacked(policy), key=KEY, cloned=stacked(policy))
    assert shown.metrics["cloned"]["error"] == 0.0


def test_what_cannot_be_measured_is_refused() -> None:
    world = POINT()
    assert not list(CovariateShift().faults(world))
    (fault,) = CovariateShift(map_dims=(0, 9)).faults(world)
    assert fault.startswith("map_dims: must be two different entries from 0 to 3")
    (fault,) = CovariateShift(num_permutations=19, confidence=0.99).faults(world)
    assert fault.startswith("num_permutations: must be 1 / (1 - confidence) or more")
    assert "where all is recorded" in next(iter(CovariateShift().faults(recorded.env(recorded.Recorded()))))
    with pytest.raises(DataError, match="needs a policy"):
        report()
