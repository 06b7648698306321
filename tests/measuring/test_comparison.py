"""Comparisons of known returns, and what is said of them."""

import numpy as np
import pytest

from ilkit.math.statistics import exact_interval
from ilkit.measuring.comparison import Measurement, Resampling, compare_all, score_all
from ilkit.reporting.wording import few_seeds, number, verdict

RESAMPLING = Resampling(confidence=0.95, num_resamples=2000, seed=0)


def measure(*seed_means, num_episodes=4):
    spread = np.linspace(-1.0, 1.0, num_episodes)
    returns = np.array(seed_means, float)[:, None] + spread
    return Measurement(returns, np.full(returns.shape, 10), np.zeros(returns.shape, bool))


def say(expert=0.5, **policies):
    measured = {"expert": measure(expert), **policies, "random": measure(0.0)}
    scores = score_all(measured, RESAMPLING)
    learnt = {name: scores[name] for name in policies}
    comparisons = compare_all(policies, RESAMPLING)
    return verdict(learnt, comparisons, confidence=0.95, decimals=1, reference=scores["expert"])


def test_outliers_among_seeds_move_neither_score_nor_difference():
    policies = {"a": measure(10, 11, 12, 13, 14), "b": measure(20, 21, 22, 23, 900)}
    scores = score_all({"expert": measure(100.0), **policies, "random": measure(0.0)}, RESAMPLING)
    assert scores["a"].iqm == pytest.approx(12.0)
    assert scores["b"].iqm == pytest.approx(22.0)
    assert scores["b"].normalized == pytest.approx(0.22)
    (pair,) = compare_all(policies, RESAMPLING)
    assert pair.difference == pytest.approx(10.0)


def test_pairing_finds_a_difference_that_the_spread_between_seeds_hides():
    policies = {"a": measure(0, 10, 20, 30, 40, 50), "b": measure(2, 13, 22, 33, 42, 53)}
    (pair,) = compare_all(policies, RESAMPLING)
    assert pair.overlap
    assert pair.clear
    assert pair.difference == pytest.approx(2.5)
    assert 2.0 <= pair.interval.low + 1e-9 < pair.interval.high <= 3.0 + 1e-9


def test_seeds_below_are_counted():
    (pair,) = compare_all({"a": measure(1, 2, 3, 4, 5), "b": measure(2, 1, 4, 3, 6)}, RESAMPLING)
    assert (pair.num_below, pair.num_seeds) == (2, 5)
    assert pair.below_interval == exact_interval(2, 5, confidence=0.95)


def test_one_seed_is_compared_over_episodes():
    (pair,) = compare_all({"a": measure(1.0), "b": measure(3.0)}, RESAMPLING)
    assert [pair.difference, *pair.interval] == pytest.approx([2.0, 2.0, 2.0])
    scores = score_all({"expert": measure(4.0), "random": measure(0.0)}, RESAMPLING)
    assert scores["expert"].interval.low < 4.0 < scores["expert"].interval.high


def test_nothing_is_normalized_by_a_reference_that_is_no_better_than_random():
    scores = score_all({"expert": measure(1.0), "a": measure(5.0), "random": measure(1.0)}, RESAMPLING)
    assert scores["a"].normalized is None


def test_verdict_of_a_clear_difference():
    assert say(cloned=measure(10, 11, 12, 13, 14), tuned=measure(30, 31, 32, 33, 34)) == (
        "`tuned` is best: it returns 20.0 more than `cloned` (95% interval 20.0 to 20.0). "
        "The intervals of `tuned` and `cloned` don't overlap. Seeds that end below `cloned`: 0 of 5 (`tuned`)."
    )


def test_verdict_where_training_has_done_harm():
    told = say(cloned=measure(30, 31, 32, 33, 34), tuned=measure(10, 11, 12, 13, 14))
    assert told.startswith("`cloned` is best: it returns 20.0 more than `tuned` (95% interval 20.0 to 20.0).")
    assert told.endswith("Seeds that end below `cloned`: 5 of 5 (`tuned`).")


def test_a_learnt_policy_is_not_called_best_where_the_expert_is_better():
    told = say(expert=35.0, cloned=measure(10, 11, 12, 13, 14), tuned=measure(30, 31, 32, 33, 34))
    assert told.startswith("Of the learnt policies `tuned` is best: it returns 20.0 more than `cloned`")
    assert "The expert returns 3.0 more than `tuned`." in told
    unclear = say(expert=100.0, a=measure(10, 20, 30, 40, 50), b=measure(12, 17, 32, 37, 51))
    assert unclear.startswith("No learnt policy is clearly best: `a` returns ")


def test_verdict_where_nothing_is_clear_and_of_several_policies():
    told = say(none=measure(10, 20, 30, 40, 50), isotropic=measure(12, 17, 32, 37, 51), worse=measure(1, 2, 3, 4, 5))
    assert told.startswith("No policy is clearly best: `none` returns 1.3 more than `isotropic` (95% interval ")
    assert "no clear difference), and 27.0 more than `worse` (95% interval" in told
    assert "The intervals of `none` and `isotropic` overlap." in told
    assert told.endswith("2 of 5 (`isotropic`), 5 of 5 (`worse`).")


def test_verdict_of_a_single_policy():
    assert say(expert=100.0, cloned=measure(50, 50)) == (
        "`cloned` returns 50.0 (95% interval 50.0 to 50.0), 50% of the way from random to expert."
    )


@pytest.mark.parametrize(
    ("num_seeds", "confidence", "said"),
    [
        (1, 0.95, "One training seed doesn't tell how others would differ: train with 6 or more."),
        (5, 0.95, "covers only 94% of the time, not 95%: train with 6 or more."),
        (2, 0.8, "covers only 50% of the time, not 80%: train with 4 or more."),
    ],
)
def test_what_few_seeds_are_worth_is_said(num_seeds, confidence, said):
    (told,) = few_seeds(num_seeds, confidence)
    assert told.endswith(said)


@pytest.mark.parametrize(("num_seeds", "confidence"), [(6, 0.95), (5, 0.9), (8, 0.99)])
def test_nothing_is_said_of_enough_seeds(num_seeds, confidence):
    assert few_seeds(num_seeds, confidence) == []


@pytest.mark.parametrize(
    ("value", "decimals", "signed", "expected"),
    [
        (-0.001, 2, False, "0.00"),
        (0.001, 1, True, "0.0"),
        (12345.6, 1, False, "12,345.6"),
        (5.0, 0, True, "+5"),
        (-5.25, 1, True, "-5.2"),
        (0.0, 0, True, "0"),
        (-1000.0, 0, False, "-1,000"),
    ],
)
def test_numbers_are_written_plainly(value, decimals, signed, expected):
    assert number(value, decimals, signed=signed) == expected


def test_a_best_policy_that_is_no_better_than_chance_is_called_so():
    policies = {"one": measure(-2.0, -2.5, -3.0), "other": measure(-4.0, -4.5, -5.0)}
    scores = score_all({**policies, "random": measure(0.0)}, RESAMPLING)
    comparisons = compare_all(policies, RESAMPLING)
    learnt = {name: scores[name] for name in policies}
    told = verdict(learnt, comparisons, confidence=0.95, decimals=1, random=scores["random"])
    assert "Random actions do no worse than `one`." in told
    assert "Random" not in verdict(learnt, comparisons, confidence=0.95, decimals=1)
