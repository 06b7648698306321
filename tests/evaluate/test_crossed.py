"""Policies that differ in two ways, beside published numbers."""

import re

import jax
import numpy as np
import pytest

from ilkit.errors import DataError
from ilkit.evaluate.crossed import Crossed, evaluate
from ilkit.math.statistics import Interval
from ilkit.measuring.curves import Curve
from ilkit.measuring.published import Published, welch
from ilkit.reporting.crossed_page import draw_crossing, draw_training
from ilkit.reporting.crossing import Cell, Crossing
from tests.evaluate.conftest import pull

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def report(push, seeds):
    """Two methods from 1 and 10 episodes, one that isn't crossed, and a number of a paper."""
    curves = {
        "step": np.arange(1, 3, dtype=np.int32),
        "env_steps": np.array([100, 200], np.int32),
        "return": np.array([[-9.0, -5.0], [-8.0, -4.0]], np.float32),
        "accuracy": np.array([[0.9, 0.6], [0.8, 0.55]], np.float32),
        "learnt_reward": np.array([[0.1, 0.7], [0.2, 0.8]], np.float32),
    }
    learnt = {
        "bc_1": seeds(push.spaces, pull(0.1, 0.1), pull(0.2, 0.1)),
        "bc_10": seeds(push.spaces, pull(1.0, 1.0), pull(1.0, 1.1)),
        "gail_1": seeds(push.spaces, pull(1.8, 1.8), pull(1.9, 1.8), curves=curves),
        "gail_10": seeds(push.spaces, pull(2.0, 2.0), pull(2.0, 2.0), curves=curves),
        "alone": seeds(push.spaces, pull(0.5, 0.5)),
    }
    published = (Published(policy="bc_1", mean=-40.0, deviation=3.0, num_episodes=50),)
    spec = Crossed(num_episodes=6, num_resamples=200, places="trajectories", published=published)
    return evaluate(spec, push.env, push.demos, push.expert, key=KEY, **learnt)


def test_each_policy_has_its_numbers_and_a_published_one_beside(report) -> None:
    metrics = report.metrics
    assert set(metrics) == {"expert", "bc_1", "bc_10", "gail_1", "gail_10", "alone", "random"}
    assert metrics["random"]["mean"] < metrics["bc_1"]["mean"] < metrics["bc_10"]["mean"] < metrics["gail_10"]["mean"]
    assert metrics["gail_10"]["mean"] == pytest.approx(metrics["expert"]["mean"])
    assert metrics["bc_1"]["published"] == -40.0
    assert 0.0 <= metrics["bc_1"]["p"] <= 1.0
    assert "p" not in metrics["gail_1"]
    assert metrics["bc_1"]["low"] <= metrics["bc_1"]["mean"] <= metrics["bc_1"]["high"]
    assert report.tables["crossed"]["place"] == ["", "1", "10", "1", "10", "", ""]


def test_places_are_in_the_order_of_their_numbers_and_methods_are_rows(report) -> None:
    lines = report.summary.splitlines()
    assert lines[0].split() == ["1", "10"]
    assert [line.split()[0] for line in lines[1:-1]] == ["bc", "gail", "alone", "expert", "random"]
    assert "(-40.0)" in lines[1]


def test_the_best_is_named_beside_the_references(report) -> None:
    said = report.summary.splitlines()[-1]
    assert said.startswith(
        f"gail_10 has the largest return of what was learnt: {report.metrics['gail_10']['mean']:.1f} ("
    )
    assert f"expert {report.metrics['expert']['mean']:.1f}, random" in said
    assert said.replace("-", "−") in report.html


def _drawn(**means: float) -> str:
    cells = {name: Cell(np.full((2, 2), mean), Interval(mean, mean + 1.0), None, None) for name, mean in means.items()}
    return draw_crossing(Crossing("task", "return", "labels", 2, False, 0.95, cells, {}))


def test_what_belongs_to_no_place_is_a_line_and_a_crowded_half_is_enlarged() -> None:
    drawn = _drawn(ours_1=1.0, ours_10=2.0, ours_100=3.0, clone=2.5)
    assert drawn.count(">clone</text>") == 1
    assert ">100</text>" in drawn
    assert "enlarged" not in drawn
    assert "enlarged" in _drawn(ours_1=1.0, ours_10=2.0, others_1=-900.0, others_10=-800.0)


def _along_training(*rewards: float) -> str:
    steps, values = np.arange(1.0, 1.0 + len(rewards)), np.asarray(rewards)
    curve = Curve("env_steps", steps, values[None], values, Interval(values, values))
    cells = {"ours_1": Cell(np.zeros((2, 2)), Interval(0.0, 1.0), None, None)}
    curves = {"ours_1": {"learnt_reward": curve}}
    return draw_training(Crossing("task", "return", "labels", 2, False, 0.95, cells, curves), ["learnt_reward"])


def test_an_early_peak_of_the_learnt_reward_does_not_press_the_rest_together() -> None:
    assert ">100</text>" in _along_training(100.0, 0.0, 60.0, 40.0)
    assert ">100</text>" not in _along_training(100.0, 0.0, 1.0, 2.0)


def test_a_row_has_the_color_of_its_series(report) -> None:
    dots = dict(re.findall(r"var\(--([a-z0-9-]+)\)\"></span>(gail_1|bc_10|bc_1|alone)<", report.html)[::-1])
    assert [dots[f"series-{index}"] for index in range(3)] == ["bc_1", "gail_1", "alone"]


def test_the_page_draws_what_was_trained_and_what_was_published(report) -> None:
    for said in (
        "What they return",
        "Along training",
        "the accuracy with which",
        "learnt reward",
        "-40.0",
        "1 trajectories",
    ):
        assert said.replace("-4", "−4") in report.html or said in report.html
    assert len(re.findall("<figure>", report.html)) == 3


def test_welch_is_one_for_the_same_and_small_for_what_differs() -> None:
    rng = np.random.default_rng(0)
    ours = rng.normal(-100.0, 8.0, (5, 50))
    same = Published(policy="x", mean=float(ours.mean()), deviation=20.0, num_episodes=10)
    assert welch(ours, same) == pytest.approx(1.0)
    assert welch(ours, same.model_copy(update={"mean": -130.0})) < 1e-2
    # Of two samples of 10 with means 1 apart and deviations 1, t = 1 / √.2 with 18 degrees of freedom: p = 0.0382.
    ten = np.linspace(-1, 1, 10)[None] / np.linspace(-1, 1, 10).std(ddof=1)
    assert welch(ten, Published(policy="x", mean=1.0, deviation=1.0, num_episodes=10)) == pytest.approx(
        0.0382, abs=2e-4
    )
    constant = Published(policy="x", mean=200.0, deviation=0.0, num_episodes=9)
    assert welch(np.full((2, 3), 200.0), constant) == 1.0
    assert welch(np.full((2, 3), 199.0), constant) == 0.0


def test_a_number_of_a_policy_that_is_not_there_is_refused_with_the_nearest_one(push, seeds) -> None:
    spec = Crossed(published=(Published(policy="gial_1", mean=0.0, deviation=1.0, num_episodes=2),))
    (fault,) = spec.input_faults({"gail_1", "demos"})
    assert "Did you mean 'gail_1'" in fault
    with pytest.raises(DataError, match="policies that are handed over, got 'gial_1'"):
        evaluate(spec, push.env, push.demos, key=KEY, gail_1=seeds(push.spaces, pull(1.0, 1.0)))
    with pytest.raises(DataError, match="needs policies"):
        evaluate(Crossed(), push.env, push.demos, key=KEY)


def test_what_learnt_from_several_sets_of_data_is_one_policy(push, seeds) -> None:
    curves = [
        {"step": np.arange(1, 3), "env_steps": np.array([100, 200]), "return": np.full((1, 2), level)}
        for level in (-9.0, -5.0)
    ]
    parts = [(0.1, 0.1), (2.0, 2.0)]
    one, other = (seeds(push.spaces, pull(*part), curves=curve) for part, curve in zip(parts, curves, strict=True))
    spec = Crossed(
        num_episodes=6,
        num_resamples=50,
        published=(Published(policy="gail_1", mean=-40.0, deviation=3.0, num_episodes=50),),
    )
    found = evaluate(spec, push.env, push.demos, key=KEY, gail_1_of_first=one, gail_1_of_second=other, bc_1=one)
    alone = evaluate(spec, push.env, push.demos, key=KEY, gail_1=one, other=other)
    assert set(found.metrics) == {"gail_1", "bc_1", "random"}
    ends = (alone.metrics["gail_1"]["mean"], alone.metrics["other"]["mean"])
    assert found.metrics["gail_1"]["mean"] == pytest.approx(np.mean(ends))
    assert found.metrics["gail_1"]["low"] <= min(ends) + 1e-3
    assert "2 × 6" in found.html
    assert not list(spec.input_faults({"gail_1_of_first", "gail_1_of_second"}))


def test_what_was_learnt_without_trials_is_not_drawn_along_them(push, seeds) -> None:
    aligned = {"step": np.arange(1, 3), "accuracy": np.array([[0.5, 0.8]])}
    tried = {"step": np.arange(1, 3), "env_steps": np.array([100, 200]), "return": np.array([[-9.0, -5.0]])}
    learnt = {
        "dpo_50": seeds(push.spaces, pull(1.0, 1.0), curves=aligned),
        "reward_50": seeds(push.spaces, pull(2.0, 2.0), curves=tried),
    }
    html = evaluate(Crossed(num_episodes=2, num_resamples=50), push.env, push.demos, key=KEY, **learnt).html
    assert "Along training" in html
    assert "the accuracy with which" not in html
