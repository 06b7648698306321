"""What is decided, noted and refused whatever the format: cuts, precision, bounds, folders, what can't be used."""

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.format import Wanted
from ilkit.errors import DataError
from tests.format.formats import FORMATS, assert_equal, demonstrations, imported, written


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def notes_of(path: Path, **settings: Any) -> str:
    notes: list[str] = []
    imported("npz", path, notes.append, final_obs="repeat", **settings)
    return " ".join(notes)


def walks(num_episodes: int = 6, length: int = 20) -> np.ndarray:
    """Episodes of small steps, each from a place of its own."""
    random = np.random.default_rng(0)
    steps = random.normal(size=(num_episodes, length, 3)).cumsum(axis=1)
    return (steps + random.normal(scale=300.0, size=(num_episodes, 1, 3))).reshape(-1, 3)


def test_a_mask_of_starts_cuts_episodes(tmp_path: Path) -> None:
    obs, starts = np.arange(12.0).reshape(6, 2), np.array([1, 0, 0, 1, 0, 1], bool)
    got = imported("npz", saved(tmp_path, observations=obs, actions=obs, episode_starts=starts), final_obs="repeat")
    np.testing.assert_array_equal(got.lengths, [3, 2, 1])
    path = saved(tmp_path, observations=obs, actions=obs, episode_starts=starts[:5])
    with pytest.raises(DataError, match="episode_starts must be one a step, 6"):
        imported("npz", path)


@pytest.mark.parametrize(("by", "said"), [(0, ""), (1, "one row late"), (-1, "one row early")])
def test_cuts_that_are_a_row_off_are_found(by: int, said: str, tmp_path: Path) -> None:
    obs = walks()
    ends = np.roll(np.arange(len(obs)) % 20 == 19, by)
    told = notes_of(saved(tmp_path, observations=obs, actions=obs, terminations=ends))
    assert said in told
    assert ("jump" in told) == bool(by)


def test_next_observations_show_a_cut_that_is_late(tmp_path: Path) -> None:
    obs = walks(2)
    ends = np.arange(len(obs)) % 20 == 0
    after = np.concatenate([obs[1:], obs[-1:] + 1])
    after[19] = after[39] = 0.0
    path = saved(tmp_path, observations=obs, next_observations=after, actions=obs, terminations=ends)
    with pytest.raises(DataError, match="Only its last row is apart: is the cut one row late"):
        imported("npz", path, skip_episodes=(0,))


def test_ends_that_stand_at_first_steps_are_named(tmp_path: Path) -> None:
    obs, ends = np.arange(6.0)[:, None], np.array([0, 0, 0, 1, 0, 0], bool)
    path = saved(tmp_path, observations=obs, actions=obs, terminations=ends, episode_lengths=[3, 3])
    with pytest.raises(DataError, match=r"an end at step 0 of the 3 of episode 1. They stand at first steps"):
        imported("npz", path)


@pytest.mark.parametrize(("column", "lost"), [(1.7e9 + 0.02 * np.arange(50), True), (0.02 * np.arange(50), False)])
def test_changes_that_vanish_in_float32_are_told_by_column(column: np.ndarray, lost: bool, tmp_path: Path) -> None:
    obs = np.stack([np.sin(np.arange(50.0)), column], axis=1)
    path = saved(tmp_path, observations=obs, actions=obs[:, :1], single=0)
    assert ("obs 1: 49 changes from step to step vanish in float32" in notes_of(path, single_episode=True)) == lost
    assert "obs 0" not in notes_of(path, single_episode=True)


def test_whole_numbers_that_vanish_are_told(tmp_path: Path) -> None:
    ticks = 2**24 + np.arange(40)
    path = saved(tmp_path, observations=ticks, actions=np.sin(ticks), single=0)
    assert "obs 0: 19 changes" in notes_of(path, single_episode=True)


@pytest.mark.parametrize("kind", sorted(set(FORMATS) - {"imitation", "lerobot"}))
def test_an_episode_that_cannot_be_used_is_left_out_when_asked(kind: str, tmp_path: Path) -> None:
    demos = demonstrations()
    demos.obs[int(demos.lengths[:3].sum()) + 4, 0] = np.inf  # in episode 3
    settings = {} if kind == "minari" else {"final_obs": "repeat"}
    path = written(kind, tmp_path, demos)
    with pytest.raises(DataError, match=r"at step 1. skip_episodes: \[3\] leaves it out, keep_going all such"):
        imported(kind, path, **settings)
    rest = demonstrations().lengths[[0, 1, 2, *range(4, 12)]]
    np.testing.assert_array_equal(imported(kind, path, skip_episodes=(3,), **settings).lengths, rest)
    notes: list[str] = []
    np.testing.assert_array_equal(imported(kind, path, notes.append, keep_going=True, **settings).lengths, rest)
    assert any("_3: observations" in note or "episode 3: observations" in note for note in notes)
    assert any(note.endswith("It is left out.") for note in notes)


def test_what_is_skipped_does_not_count(tmp_path: Path) -> None:
    path, demos = written("npz", tmp_path), demonstrations()
    got = imported("npz", path, skip_episodes=(0, 2), max_episodes=3)
    np.testing.assert_array_equal(got.lengths, demos.lengths[[1, 3, 4]])
    with pytest.raises(DataError, match="numbers of its 12 episodes, from 0, got 12"):
        imported("npz", path, skip_episodes=(12,))
    with pytest.raises(DataError, match="at least one episode"):
        imported("npz", path, skip_episodes=tuple(range(12)))


@pytest.mark.parametrize("kind", ["npz", "d4rl"])
def test_a_folder_of_one_file_an_episode(kind: str, tmp_path: Path) -> None:
    demos, folder = demonstrations(), tmp_path / "episodes"
    folder.mkdir()
    for number in range(12):  # episode_10 comes before episode_2 by its letters
        one = imported("npz", written("npz", tmp_path, demos), skip_episodes=tuple(set(range(12)) - {number}))
        written(kind, tmp_path, one).rename(folder / f"episode_{number}{'.npz' if kind == 'npz' else '.hdf5'}")
    (folder / "README.txt").write_text("mine")
    assert_equal(imported(kind, folder), demos)
    with pytest.raises(DataError, match="must hold files that end in"):
        imported(kind, tmp_path / ".." / tmp_path.name)


def test_files_of_a_folder_are_episodes_without_saying_so(tmp_path: Path) -> None:
    for number in range(2):
        np.savez(tmp_path / f"{number}.npz", observations=np.full((3, 1), number), actions=np.zeros((2, 1)))
    got = imported("npz", tmp_path)
    np.testing.assert_array_equal(got.obs[:, 0], [0, 0, 0, 1, 1, 1])
    np.savez(tmp_path / "1.npz", observations=np.zeros((3, 2)), actions=np.zeros((2, 1)))
    with pytest.raises(DataError, match=r"1.npz, episode 0: obs must be like those of 0.npz, episode 0"):
        imported("npz", tmp_path)


def test_reversed_bounds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="action_low must be at most action_high"):
        Wanted(action_low=(1.0,), action_high=(-1.0,))
    path = written("npz", tmp_path)
    with pytest.raises(DataError, match="must be at most the highest, got 3 and 2 in entry 1"):
        imported("npz", path, action_low=(-3.0, 3.0))


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_what_is_no_file_is_refused(kind: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(DataError, match="must be a file or a folder, got a device or a pipe"):
            imported(kind, path)


@pytest.mark.parametrize("name", ["observations", "actions", "rewards", "terminations", "episode_lengths"])
def test_a_single_number_in_place_of_rows_is_explained(name: str, tmp_path: Path) -> None:
    arrays = {"observations": np.zeros((3, 1)), "actions": np.zeros((2, 1)), "rewards": np.zeros(2)}
    arrays |= {"terminations": np.zeros(2, bool), "episode_lengths": np.array([2])}
    with pytest.raises(DataError, match=f"{name} must hold rows, got a single number"):
        imported("npz", saved(tmp_path, **arrays | {name: np.array(2)}))


def test_hdf5_of_a_single_number(tmp_path: Path) -> None:
    path = written("d4rl", tmp_path)
    with h5py.File(path, "r+") as file:
        del file["actions"]
        file["actions"] = 3.0
    with pytest.raises(DataError, match="must be an array with rows"):
        imported("d4rl", path)


def older(demos: Any) -> dict[str, np.ndarray]:
    """What imitation 0.3 writes: the steps of all trajectories, and where all but the first begin."""
    infos = np.array([{}] * demos.num_steps, dtype=object)
    cuts = np.cumsum(demos.lengths)[:-1]
    arrays = {"obs": demos.obs, "acts": demos.actions, "infos": infos, "terminal": demos.terminated, "indices": cuts}
    return arrays | {"rews": demos.rewards}


def test_an_older_archive_of_imitation(tmp_path: Path) -> None:
    demos = demonstrations()
    assert_equal(imported("imitation", saved(tmp_path, **older(demos))), demos)
    alone = demonstrations(num_episodes=1)
    assert_equal(imported("imitation", saved(tmp_path, **older(alone))), alone)
    broken = older(demos) | {"indices": np.arange(3)}
    with pytest.raises(DataError, match="one fewer than the 12 trajectories"):
        imported("imitation", saved(tmp_path, **broken))
