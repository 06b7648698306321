"""Where the cost of an action is the square of its error, noise costs its variance; who endures more is said."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.seeds import Seeds
from ilkit.env import pendulum, recorded
from ilkit.errors import DataError, ParamsError
from ilkit.evaluate.disturbed import Disturbed, evaluate, half_range, outcomes_of, task_of
from ilkit.registry.params import parse
from ilkit.testing.problems import demonstrations, environment, tracking_expert

KEY = jax.random.key(0)
ENV = environment("continuous")
DEMOS = demonstrations(3, "continuous")


def seeds(*shares: float) -> Seeds[Any]:
    made = [tracking_expert("continuous", share) for share in shares]
    return Seeds(jax.tree.map(lambda *leaves: jnp.stack(leaves), *made), {}, len(shares))


def test_noise_costs_its_variance_and_pushes_cost_as_much() -> None:
    world = ENV()
    strengths = (0.0, 0.05, 0.1)
    per_step = np.square(np.outer(strengths, half_range(world))).sum(axis=1)
    length = demonstrations(500, "continuous").lengths.mean()
    undisturbed = Disturbed(strengths=(0.0, 0.1), num_episodes=1)
    assert outcomes_of(undisturbed, world, seeds(1.0), key=KEY)[0, 0] == 0.0
    for duration in (1, 4):
        spec = Disturbed(strengths=strengths, duration=duration, num_episodes=512)
        returns = outcomes_of(spec, world, seeds(1.0), key=KEY)
        np.testing.assert_allclose(returns.mean(axis=0), -per_step * length, rtol=0.1)


def test_who_endures_more_is_said_with_its_lead() -> None:
    spec = Disturbed(strengths=(0.0, 0.1, 0.2), num_episodes=32, num_resamples=200)
    report = evaluate(spec, ENV, DEMOS, seeds(1.0), key=KEY, poor=seeds(0.2, 0.3), good=seeds(1.0, 0.95))
    assert "`good` endures more than `poor`" in report.html.replace("<code>", "`").replace("</code>", "`")
    assert "good endures more than poor" in report.summary
    lead = report.metrics["good_over_poor"]
    assert 0 < lead["low"] <= lead["difference"] <= lead["high"]
    assert report.metrics["expert"]["by_strength"]["0"] == 0.0
    assert report.tables["endurance"]["policy"] == ["expert"] * 3 + ["poor"] * 3 + ["good"] * 3
    assert list(report.tables["learning_curves"]) == ["env_steps", "poor", "good"]


def test_a_task_is_told_from_others_of_its_kind() -> None:
    assert task_of(Build("env", "pendulum", pendulum.env, pendulum.Pendulum())) == "pendulum"
    heavy: Build = Build("env", "pendulum", pendulum.env, pendulum.Pendulum(mass=1.2, max_steps=9))
    assert task_of(heavy) == "pendulum (mass 1.2)"


def test_references_are_chosen_by_name() -> None:
    spec = parse(Disturbed, {"strengths": [0, 0.1], "num_episodes": 4, "against": {"good": "expert"}}, "here")
    assert list(spec.input_faults({"god", "expert"})) == [
        "against: must name policies that are handed over, got 'good'. Did you mean 'god'?"
    ]
    with pytest.raises(DataError, match=r"evaluate\.disturbed\.against: must name policies .* got .expert."):
        evaluate(spec, ENV, DEMOS, key=KEY, good=seeds(1.0))
    spec = spec.model_copy(update={"against": (("good", "fair"),)})
    report = evaluate(spec, ENV, DEMOS, key=KEY, poor=seeds(0.2), fair=seeds(0.7), good=seeds(1.0))
    assert {name for name in report.metrics if "over" in name} == {"good_over_fair"}


def test_episodes_that_survive_are_counted() -> None:
    spec = Disturbed(strengths=(0.0, 0.5), threshold=-0.05, num_episodes=32, num_resamples=200)
    report = evaluate(spec, ENV, DEMOS, key=KEY, cloned=seeds(1.0))
    shares = report.metrics["cloned"]["by_strength"]
    assert shares["0"] == 1.0
    assert shares["0.5"] < 0.1
    assert "An episode survives from a return of" in report.html
    assert "share of episodes that survive 100% at first" in report.summary


def test_what_cannot_be_disturbed_is_refused() -> None:
    with pytest.raises(DataError, match=r"needs vectors with limits\. Choose returns"):
        evaluate(Disturbed(), environment("discrete"), DEMOS, key=KEY, cloned=seeds(1.0))
    with pytest.raises(DataError, match="needs a policy to evaluate"):
        evaluate(Disturbed(), ENV, DEMOS, key=KEY)
    nothing: Build = Build("env", "recorded", recorded.env, recorded.Recorded())
    with pytest.raises(DataError, match="runs nothing"):
        evaluate(Disturbed(), nothing, DEMOS, key=KEY, cloned=seeds(1.0))


@pytest.mark.parametrize("strengths", [[0.5, 0.5], [1.0, 0.5], [0.5], [-1.0, 0.0]])
def test_strengths_must_grow(strengths: list[float]) -> None:
    with pytest.raises(ParamsError, match=r"must grow|at least 2|greater than or equal to 0"):
        parse(Disturbed, {"strengths": strengths}, "evaluate.disturbed")
