"""How far a policy fell below where it started."""

import numpy as np
import pytest

from ilkit.data.seeds import Seeds, Snapshots
from ilkit.measuring.along_training import AlongTraining, along_training
from ilkit.measuring.comparison import Measurement, Resampling


def _along(rows: list[list[float]], random: float, **curves: np.ndarray) -> AlongTraining:
    """Seeds by snapshots, the last of which is what was measured in the end, in two episodes."""
    outcomes = np.asarray(rows)
    kept = Snapshots((), np.array([0, 5], np.int32), np.array([0, 20], np.int32))
    seeds = Seeds((), {"step": np.array([10]), **curves}, len(rows), kept)
    end = np.stack([outcomes[:, -1] - 1.0, outcomes[:, -1] + 1.0], axis=1)
    measured = [Measurement(each, np.ones_like(each, int), each > 0) for each in (end, np.full((1, 4), random))]
    return along_training(seeds, list(outcomes[:, :-1].T), *measured, Resampling(0.95, 100, 0))


def test_the_lowest_point_of_any_seed_is_told_with_its_share_of_the_start() -> None:
    found = _along([[-240.0, -400.0, -180.0], [-250.0, -380.0, -170.0]], -1240.0, env_steps=np.array([40]))
    assert found.curve.steps.tolist() == [0.0, 20.0, 40.0]
    np.testing.assert_allclose(found.curve.iqm, [-245.0, -390.0, -175.0])
    assert found.fall == (-400.0, 0, 20, -240.0)
    assert found.lowest_share == pytest.approx(0.84)
    table = found.table("tuned", "return")
    assert table["return"] == [-240.0, -400.0, -180.0, -250.0, -380.0, -170.0]
    assert table["steps"] == [0, 20, 40] * 2
    assert table["share"][4] == pytest.approx((1240.0 - 380.0) / (1240.0 - 250.0))


def test_a_policy_that_only_rises_never_fell() -> None:
    found = _along([[0.0, 1.0, 2.0]], -1.0)
    assert found.fall is None
    assert (found.curve.unit, found.lowest_share) == ("step", 1.0)


def test_from_no_better_than_random_there_is_no_share() -> None:
    found = _along([[0.0, 1.0, 2.0], [5.0, 4.0, 3.0]], 0.0)
    assert found.fall == (3.0, 1, 10, 5.0)
    assert found.lowest_share is None
    assert found.table("tuned", "return")["share"] == [""] * 6
