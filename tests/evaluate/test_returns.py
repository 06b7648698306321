"""The evaluation as a whole: what it measures is right, repeatable and independent of what else is compared."""

import json
import re

import equinox as eqx
import jax
import numpy as np
import pytest

from ilkit.artifact import store as artifact
from ilkit.data.seeds import Seeds, Snapshots
from ilkit.errors import DataError
from ilkit.evaluate.returns import Returns
from ilkit.math.statistics import wilson_interval

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def report(push, weak, strong):
    return push.evaluate(cloned=weak, tuned=strong)


def test_references_are_normalized_to_one_and_zero(report):
    assert report.metrics["expert"]["normalized"] == 1.0
    assert report.metrics["random"]["normalized"] == 0.0


def test_without_an_expert_the_recorded_returns_are_the_reference(push, weak):
    found = push.evaluate(expert=None, uncertainty=None, cloned=weak).metrics
    assert "expert" not in found
    assert found["demonstrated"]["normalized"] == 1.0
    assert found["demonstrated"]["mean"] == pytest.approx(push.demos.returns.mean())
    best, random = found["demonstrated"]["iqm"], found["random"]["iqm"]
    assert found["cloned"]["normalized"] == pytest.approx((found["cloned"]["iqm"] - random) / (best - random))


def test_without_recorded_rewards_nothing_is_normalized(push, weak):
    rewards = np.full_like(push.demos.rewards, np.nan)
    unrewarded = eqx.tree_at(lambda demos: demos.rewards, push.demos, rewards)
    found = push.evaluate(expert=None, uncertainty=None, demos=unrewarded, cloned=weak)
    assert list(found.metrics) == ["cloned", "random", "held_out"]
    assert not any("normalized" in scores for scores in found.metrics.values())
    assert "normalized:" not in found.html.lower()


def test_success_is_a_return_from_a_threshold_on_whose_unit_is_the_seed(push, weak, strong):
    plain = push.evaluate(cloned=weak, tuned=strong)
    table = plain.tables["returns"]
    returns = [value for name, value in zip(table["policy"], table["return"], strict=True) if name == "tuned"]
    threshold = float(np.median(returns))
    found = push.evaluate(success_return=threshold, cloned=weak, tuned=strong)
    succeeded = np.asarray(returns).reshape(3, 6) >= threshold
    interval = wilson_interval(succeeded.mean(axis=1), 6, confidence=0.95)
    metrics = found.metrics["tuned"]
    assert metrics["success"] == succeeded.mean()
    assert (metrics["success_low"], metrics["success_high"]) == tuple(interval)
    assert "success" in found.summary
    assert "success" not in plain.summary


def test_entries_that_the_map_asks_for_must_be_there(push):
    (fault,) = Returns().input_faults({"demos", "env", "random", "mine"})
    assert fault == "random: is something else on the page. Hand yours over by another name."
    assert list(Returns().faults(push.env())) == []
    assert list(Returns(map_dims=(1, 4)).faults(push.env())) == [
        "map_dims: must be two different entries from 0 to 3, got [1, 4]."
    ]


def test_states_that_observations_do_not_tell_are_drawn_and_maps_are_over_observations(push, weak, monkeypatch):
    monkeypatch.setattr("ilkit.measuring.state_slice.Invertible", type("Untold", (), {}))
    found = push.evaluate(cloned=weak)
    assert "Rollouts" in found.html
    assert "observation 0" in found.html


def test_a_policy_equal_to_the_expert_equals_it_on_every_episode(push):
    same = push.evaluate(copy=push.expert)
    rows = list(zip(same.tables["returns"]["policy"], same.tables["returns"]["return"], strict=True))
    returns = {name: [value for policy, value in rows if policy == name] for name in ("expert", "copy", "random")}
    assert returns["copy"] == returns["expert"]
    assert returns["random"] != returns["expert"]
    fit = same.metrics["copy"].pop("fit")
    assert same.metrics["copy"] == same.metrics["expert"]
    assert fit["action_1"] == {"agreement": 1.0, "error": 0.0}


def test_score_is_the_interquartile_mean_over_seeds_of_the_mean_over_episodes(report):
    table = report.tables["returns"]
    rows = zip(table["policy"], table["seed"], table["return"], strict=True)
    returns = np.array([value for policy, _, value in rows if policy == "tuned"]).reshape(3, 6)
    metrics = report.metrics["tuned"]
    assert metrics["iqm"] == pytest.approx(returns.mean(axis=1).mean())
    assert metrics["low"] == pytest.approx(returns.mean(axis=1).min())
    assert metrics["high"] == pytest.approx(returns.mean(axis=1).max())
    expert, random = report.metrics["expert"]["iqm"], report.metrics["random"]["iqm"]
    assert metrics["normalized"] == pytest.approx((metrics["iqm"] - random) / (expert - random))
    assert metrics["length"] == 30


def test_difference_is_taken_seed_by_seed(report):
    table = report.tables["returns"]
    rows = list(zip(table["policy"], table["return"], strict=True))
    means = {
        name: np.array([value for policy, value in rows if policy == name]).reshape(3, 6).mean(axis=1)
        for name in ("cloned", "tuned")
    }
    pair = report.metrics["tuned_minus_cloned"]
    assert pair["difference"] == pytest.approx((means["tuned"] - means["cloned"]).mean())
    assert pair["seeds_below"] == (means["tuned"] < means["cloned"]).sum() == 0
    assert pair["overlap"] == 0
    assert report.tables["comparisons"]["probability_of_improvement"] == [1.0]


def test_same_key_gives_the_same_report_and_another_key_another(push, weak, strong, report):
    assert push.evaluate(cloned=weak, tuned=strong) == report
    assert push.evaluate(key=1, cloned=weak, tuned=strong).metrics != report.metrics


def test_scores_depend_neither_on_order_nor_on_what_else_is_compared(push, weak, strong, report):
    swapped, alone = push.evaluate(tuned=strong, cloned=weak), push.evaluate(tuned=strong)
    for name in ("expert", "tuned", "random"):
        assert report.metrics[name] == swapped.metrics[name] == alone.metrics[name]


def test_more_episodes_leave_the_first_ones_as_they_were(push, weak, strong, report):
    def returns(tables):
        table = tables["returns"]
        places = zip(table["policy"], table["seed"], table["episode"], strict=True)
        return dict(zip(places, table["return"], strict=True))

    few = returns(push.evaluate(num_episodes=2, cloned=weak, tuned=strong).tables)
    many = returns(report.tables)
    assert few == {place: many[place] for place in few}


def test_nothing_compiles_again_for_other_weights_keys_and_numbers_of_episodes(push, weak, strong, report, count_calls):
    calls = count_calls(type(weak.stacked), "mode")
    push.evaluate(key=2, num_episodes=7, cloned=strong, tuned=weak)
    assert calls == []


def test_learning_curves_begin_once_there_are_returns_and_lie_on_one_grid(report):
    table = report.tables["learning_curves"]
    assert table["env_steps"] == [300, 400]
    assert table["tuned"] == [6.0, 7.0]
    assert table["tuned_high"] == pytest.approx([10.0, 11.0])
    assert table["cloned"] == [report.metrics["cloned"]["iqm"]] * 2
    assert report.tables["training_tuned"]["return"] == ["", "", 6.0, 7.0], "not all seeds had ended an episode"
    assert report.tables["training_cloned"]["loss"] == [2.0, 1.0]
    assert report.tables["training_tuned"]["critic_loss"] == [1.0] * 4


def test_noise_is_averaged_as_its_square(report):
    table = report.tables["exploration"]
    assert (table["policy"], table["env_steps"]) == (["tuned"], [400])
    assert table["noise_scale"] == pytest.approx([np.sqrt(12.5)])


def test_action_densities_integrate_to_one(report):
    table = report.tables["actions"]
    width = table["action"][1] - table["action"][0]
    for name in ("demonstrated", "cloned", "tuned"):
        assert sum(table[name][:40]) * width == pytest.approx(1.0)


def test_report_survives_its_artifact(report, tmp_path):
    artifact.save(report, tmp_path / "evaluate")
    loaded = artifact.load(tmp_path / "evaluate")
    assert loaded.metrics == report.metrics
    assert loaded.html == report.html
    assert loaded.tables["returns"]["policy"] == report.tables["returns"]["policy"]


def test_metrics_are_finite_numbers(report):
    def leaves(tree):
        return [leaf for value in tree.values() for leaf in (leaves(value) if isinstance(value, dict) else [value])]

    found = leaves(json.loads(json.dumps(report.metrics)))
    assert np.isfinite([leaf for leaf in found if not isinstance(leaf, str)]).all()


def test_page_needs_nothing_beside_itself(report):
    assert not re.search(r"https?://|<script|<link|@import|url\((?!#)", report.html)
    sources = re.findall(r'(?:src|href)="([^"]*)"', report.html)
    assert sources
    assert all(source.startswith(("data:image/", "#")) for source in sources)


def test_page_shows_every_policy_in_motion_and_in_colors_of_the_theme(report):
    for name in ("expert", "cloned", "tuned", "random"):
        assert f'alt="rollout of {name}" src="data:image/gif;base64,' in report.html
    assert all(len(picture) < 400_000 for picture in re.findall(r'src="(data:[^"]*)"', report.html))
    assert "#0102" not in report.html
    assert "#0103" not in report.html
    assert "var(--series-1)" in report.html


def test_summary_is_short_and_aligned(report):
    head, *rows = report.summary.splitlines()[:5]
    assert [row.split()[0] for row in rows] == ["expert", "cloned", "tuned", "random"]
    assert {len(row) for row in rows} == {len(head)}
    assert "`tuned` is best" in report.summary


def test_discrete_actions(balance, seeds):
    cloned = seeds(balance.spaces, [[0.0, 0.0, 1.0, 0.3]], [[0.0, 0.0, 4.0, 0.5]])
    report = balance.evaluate(cloned=cloned)
    assert report.metrics["expert"]["iqm"] == report.metrics["expert"]["length"] > report.metrics["random"]["iqm"]
    assert report.tables["actions"]["action"] == [0, 1]
    assert sum(report.tables["actions"]["demonstrated"]) == pytest.approx(1.0)
    assert "share of states" in report.html


@pytest.mark.filterwarnings("ignore:Episodes aren't drawn")  # without the library that draws it
def test_host_environment(hosted, seeds):
    cloned = seeds(hosted.spaces, [[0.0, 3.0, 0.5]], [[0.0, -10.0, -2.0]])
    report = hosted.evaluate(num_episodes=3, cloned=cloned)
    assert report.metrics["cloned"]["length"] == 20
    assert len(set(report.tables["returns"]["return"])) > 4
    assert "Evaluation on Pendulum-v1" in report.html
    assert "observation 1" in report.html
    assert "data:image/gif" not in report.html
    assert report == hosted.evaluate(num_episodes=3, cloned=cloned)


def test_seeds_that_cannot_be_paired_are_compared_as_independent(push, weak, strong):
    two = Seeds(jax.tree.map(lambda leaf: leaf[:2], strong.stacked), {}, 2)
    report = push.evaluate(cloned=weak, tuned=two)
    pair = report.metrics["tuned_minus_cloned"]
    difference = report.metrics["tuned"]["iqm"] - report.metrics["cloned"]["iqm"]
    assert pair["difference"] == pytest.approx(difference)
    assert pair["low"] < difference < pair["high"]
    assert "not paired" in report.html


@pytest.mark.parametrize(("names", "said"), [([], "at least one policy"), (["random"], "by names other than")])
def test_policies_need_names_of_their_own(push, weak, names, said):
    with pytest.raises(DataError, match=said):
        push.evaluate(**dict.fromkeys(names, weak))


def test_returns_that_are_not_finite_are_refused(push, seeds):
    with pytest.raises(DataError, match="nan from cloned, seed 1, in evaluation episode 0"):
        push.evaluate(cloned=seeds(push.spaces, [[0.0] * 4] * 2, [[float("nan")] * 4] * 2))


def test_policies_kept_along_training_are_run_on_the_same_episodes(push, weak, strong):
    """The first snapshot is the weak policy and the second does nothing, which is worse."""
    idle = jax.tree.map(np.zeros_like, weak.stacked)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), weak.stacked, idle)
    kept = Snapshots(stacked, np.array([0, 2], np.int32), np.array([0, 200], np.int32))
    found = push.evaluate(
        cloned=weak, tuned=eqx.tree_at(lambda one: one.snapshots, strong, kept, is_leaf=lambda leaf: leaf is None)
    )
    metrics = found.metrics["tuned"]["along_training"]
    assert metrics["start"] == found.metrics["cloned"]["iqm"]
    assert metrics["fall_env_steps"] == 200
    assert metrics["lowest"] < metrics["start"] < found.metrics["tuned"]["iqm"]
    table = found.tables["along_training"]
    assert table["steps"] == [0, 200, 400] * 3
    ends = [value for step, value in zip(table["steps"], table["return"], strict=True) if step == 400]
    returns = found.tables["returns"]
    tuned = [value for name, value in zip(returns["policy"], returns["return"], strict=True) if name == "tuned"]
    np.testing.assert_allclose(ends, np.reshape(tuned, (3, -1)).mean(axis=1))
    assert found.tables["learning_curves"]["tuned"][0] == metrics["start"]
    assert "In training `tuned` fell from" in found.summary
    assert "Along training" in found.html
    plain = push.evaluate(cloned=weak, tuned=strong)
    assert plain.metrics["tuned"]["iqm"] == found.metrics["tuned"]["iqm"]
    assert "along_training" not in plain.tables
