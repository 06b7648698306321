"""What is exported and imported again is the same, but for what the export said is lost."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Discrete
from tests.format.formats import FORMATS, assert_equal, chosen, demonstrations, imported, written

COMPLETE = sorted(set(FORMATS) - {"lerobot"})
BOUNDED = ("minari", "npz")
"""The formats that keep the spaces."""


def losses(kind: str, folder: Path, demos: Demonstrations) -> str:
    folder.mkdir(exist_ok=True)
    return " ".join(chosen(kind).write(demos, folder / "other"))


@pytest.mark.parametrize("discrete", [False, True])
@pytest.mark.parametrize("kind", COMPLETE)
def test_arrays_come_back(kind: str, discrete: bool, tmp_path: Path) -> None:
    demos = demonstrations(discrete=discrete)
    assert_equal(imported(kind, written(kind, tmp_path, demos)), demos)


@pytest.mark.parametrize("discrete", [False, True])
@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_spaces_come_back_or_are_named(kind: str, discrete: bool, tmp_path: Path) -> None:
    demos = demonstrations(discrete=discrete)
    got = imported(kind, written(kind, tmp_path, demos)).spaces
    assert (got == demos.spaces) == (kind in BOUNDED)
    assert (got.action.kind, got.action.size) == (demos.spaces.action.kind, demos.spaces.action.size)
    assert ("bounds of the observations" in losses(kind, tmp_path, demos)) == (kind not in BOUNDED)


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_an_action_that_never_occurs_is_named(kind: str, tmp_path: Path) -> None:
    demos = demonstrations(discrete=True)
    wider = demos.spaces.model_copy(update={"action": Discrete(size=7)})
    demos = Demonstrations(
        demos.obs, demos.actions, demos.rewards, demos.terminated, demos.truncated, demos.lengths, spaces=wider
    )
    kept = imported(kind, written(kind, tmp_path, demos)).spaces.action.size == 7
    assert kept == (kind in BOUNDED)
    assert ("7 actions is lost" in losses(kind, tmp_path, demos)) == (not kept)


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_an_episode_without_an_end_is_named(kind: str, tmp_path: Path) -> None:
    demos = demonstrations()
    ended = losses(kind, tmp_path / "a", demos)
    truncated = np.where(np.arange(12) < 2, False, demos.truncated)
    demos = Demonstrations(
        demos.obs, demos.actions, demos.rewards, demos.terminated, truncated, demos.lengths, spaces=demos.spaces
    )
    assert "neither" not in ended
    assert "1 episode that neither" in losses(kind, tmp_path / "b", demos)
    again = imported(kind, written(kind, tmp_path, demos), **({"final_obs": "repeat"} if kind == "lerobot" else {}))
    assert_equal(again, demos, "terminated", "lengths")
    np.testing.assert_array_equal(again.truncated, ~again.terminated)


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_missing_rewards_stay_missing(kind: str, tmp_path: Path) -> None:
    demos = demonstrations()
    demos.rewards[:] = np.nan
    assert np.isnan(imported(kind, written(kind, tmp_path, demos)).rewards).all()
    if kind != "npz":
        assert "NaN" in losses(kind, tmp_path, demos)


@pytest.mark.parametrize("discrete", [False, True])
def test_lerobot_loses_last_observations(discrete: bool, tmp_path: Path) -> None:
    demos = demonstrations(discrete=discrete)
    path = written("lerobot", tmp_path, demos)
    assert "last observation of each of 12 episodes is lost" in losses("lerobot", tmp_path, demos)
    repeated = imported("lerobot", path, final_obs="repeat")
    assert_equal(repeated, demos, "actions", "rewards", "terminated", "truncated", "lengths")
    final = np.cumsum(demos.lengths + 1) - 1
    kept = np.delete(np.arange(len(demos.obs)), final)
    np.testing.assert_array_equal(repeated.obs[kept], demos.obs[kept])
    np.testing.assert_array_equal(repeated.obs[final], demos.obs[final - 1])
    dropped = imported("lerobot", path)
    np.testing.assert_array_equal(dropped.lengths, demos.lengths - 1)
    np.testing.assert_array_equal(dropped.obs, demos.obs[kept])
    np.testing.assert_array_equal(dropped.actions, np.delete(demos.actions, np.cumsum(demos.lengths) - 1, axis=0))
    assert dropped.truncated.all()  # what terminated them is left out


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_max_episodes_takes_the_first(kind: str, tmp_path: Path) -> None:
    demos = demonstrations()
    settings = {"final_obs": "repeat"} if kind == "lerobot" else {}
    got = imported(kind, written(kind, tmp_path, demos), max_episodes=11, **settings)
    np.testing.assert_array_equal(got.lengths, demos.lengths[:11])
    np.testing.assert_array_equal(got.actions, demos.actions[: got.num_steps])


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_bounds_may_be_given(kind: str, tmp_path: Path) -> None:
    got = imported(kind, written(kind, tmp_path), action_low=(-3.0,), action_high=(4.0, 5.0)).spaces.action
    assert got == Box(low=(-3.0, -3.0), high=(4.0, 5.0))


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_which_steps_count_is_told_to_be_lost(kind: str, tmp_path: Path) -> None:
    demos = demonstrations()
    weights = (np.arange(demos.num_steps) % 2).astype(np.float32)
    told = losses(kind, tmp_path, dataclasses.replace(demos, weights=weights))
    assert f"That {demos.num_steps // 2} of {demos.num_steps} steps count is lost" in told
