"""Files that can't be read, each with the reason and the remedy."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from ilkit.errors import DataError
from tests.format.formats import FORMATS, imported, written

HDF5 = {"d4rl": "", "minari": "episode_1/", "robomimic": "data/demo_1/"}
"""Where the arrays of an episode stand in the formats that are HDF5."""


def refused(kind: str, path: Path, *expected: str, **settings: Any) -> None:
    with pytest.raises(DataError) as found:
        imported(kind, path, **settings)
    for text in expected:
        assert text in str(found.value)


def hdf5(kind: str, folder: Path) -> tuple[Path, h5py.File]:
    path = written(kind, folder)
    return path, h5py.File(path / "data" / "main_data.hdf5" if kind == "minari" else path, "r+")


def replace(file: h5py.File, name: str, values: Any) -> None:
    del file[name]
    file[name] = values


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_there_is_no_file(kind: str, tmp_path: Path) -> None:
    refused(kind, tmp_path / "nothing", "There is no")


@pytest.mark.parametrize("kind", sorted(HDF5))
def test_hdf5_without_an_array(kind: str, tmp_path: Path) -> None:
    path, file = hdf5(kind, tmp_path)
    with file:
        del file[HDF5[kind] + "actions"]
        file[HDF5[kind] + "action"] = np.zeros(1)
    refused(kind, path, "actions", "There are action")


@pytest.mark.parametrize("kind", sorted(HDF5))
@pytest.mark.parametrize("values", [["1", "2"], np.zeros(3, [("x", np.float32)])], ids=["text", "records"])
def test_hdf5_of_no_numbers(kind: str, values: Any, tmp_path: Path) -> None:
    path, file = hdf5(kind, tmp_path)
    with file:
        replace(file, HDF5[kind] + "actions", values)
    refused(kind, path, "actions must hold numbers")


@pytest.mark.parametrize("kind", sorted(HDF5))
def test_hdf5_that_claims_too_much(kind: str, tmp_path: Path) -> None:
    path, file = hdf5(kind, tmp_path)
    with file:
        del file[HDF5[kind] + "actions"]
        file.create_dataset(HDF5[kind] + "actions", (2**40, 2), np.float32, chunks=(1024, 2))
    refused(kind, path, "claims" if kind != "minari" else "must have")


@pytest.mark.parametrize("kind", sorted(HDF5))
def test_hdf5_that_leads_elsewhere(kind: str, tmp_path: Path) -> None:
    path, file = hdf5(kind, tmp_path)
    with file:
        del file[HDF5[kind] + "actions"]
        file[HDF5[kind] + "actions"] = h5py.ExternalLink("other.hdf5", "/secret")
    refused(kind, path, "is a link")


@pytest.mark.parametrize("kind", sorted(HDF5))
def test_hdf5_stored_in_another_file(kind: str, tmp_path: Path) -> None:
    path, file = hdf5(kind, tmp_path)
    (tmp_path / "secret").write_bytes(bytes(800))
    with file:
        shape = file[HDF5[kind] + "actions"].shape
        del file[HDF5[kind] + "actions"]
        outside = [(str(tmp_path / "secret"), 0, 800)]
        file.create_dataset(HDF5[kind] + "actions", shape, np.float32, external=outside)
    refused(kind, path, "lies in another file")


@pytest.mark.parametrize("kind", sorted(HDF5))
def test_hdf5_that_is_ragged(kind: str, tmp_path: Path) -> None:
    path, file = hdf5(kind, tmp_path)
    with file:
        replace(file, HDF5[kind] + "rewards", np.zeros(99))
    refused(kind, path, "rewards" if kind == "d4rl" else "must have 99 rows" if kind == "minari" else "rows", "cut off")


@pytest.mark.parametrize("kind", ["minari", "robomimic"])
def test_hdf5_with_an_empty_episode(kind: str, tmp_path: Path) -> None:
    path, file = hdf5(kind, tmp_path)
    with file:
        for name in ("rewards", "actions", "dones", "terminations", "truncations", "obs/flat", "next_obs/flat"):
            if HDF5[kind] + name in file:
                replace(file, HDF5[kind] + name, np.zeros((0, 2)))
    refused(kind, path, "_1: an episode must have at least one action")


def test_episodes_that_differ_are_named(tmp_path: Path) -> None:
    path, file = hdf5("minari", tmp_path)
    with file:
        steps = len(file["episode_4/rewards"])
        replace(file, "episode_4/observations", np.zeros((steps + 1, 5)))
    refused("minari", path, "episode_4: obs must be like those of episode_0", "(3,)", "(5,)")


def test_infinite_numbers_are_refused_with_their_step(tmp_path: Path) -> None:
    path, file = hdf5("d4rl", tmp_path)
    with file:
        file["rewards"][1] = np.inf
    refused("d4rl", path, "episode 0: rewards must be finite", "step 1")


def test_minari_that_ends_early(tmp_path: Path) -> None:
    path, file = hdf5("minari", tmp_path)
    with file:
        replace(file, "episode_0/truncations", np.ones(len(file["episode_0/rewards"]), bool))
    refused("minari", path, "episode_0", "marked as ended at step 0")


@pytest.mark.parametrize("mark", ["metadata", "metadata alone", "file"])
def test_minari_in_arrow_is_refused(mark: str, tmp_path: Path) -> None:
    path = written("minari", tmp_path)
    if mark.startswith("metadata"):
        metadata = json.loads((path / "data/metadata.json").read_text())
        (path / "data/metadata.json").write_text(json.dumps(metadata | {"data_format": "arrow"}))
        if mark == "metadata alone":
            (path / "data/main_data.hdf5").unlink()
    else:
        (path / "data/main_data.hdf5").rename(path / "data/part-0.arrow")
    refused("minari", path, "32,768")


def test_robomimic_without_the_chosen_observation(tmp_path: Path) -> None:
    refused("robomimic", written("robomimic", tmp_path), "obs/flap", "There are flat", obs_keys=("flap",))


def test_shuffled_transitions_are_refused(tmp_path: Path) -> None:
    path, file = hdf5("d4rl", tmp_path)
    with file:
        file["next_observations"][0] += 1
    refused("d4rl", path, "episode 0", "step 0", "shuffled")


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path / "recording.npz", **arrays)
    return path / "recording.npz"


def good() -> dict[str, np.ndarray]:
    return {
        "observations": np.zeros((7, 3)),
        "actions": np.zeros((7, 2)),
        "rewards": np.zeros(7),
        "episode_lengths": np.array([3, 4]),
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"actions": np.array([["1", "2"]] * 7)}, "must hold numbers"),
        ({"actions": np.zeros((6, 2))}, "sum up to the 6 actions, got 7"),
        ({"observations": np.zeros((6, 3))}, "obs must have 7 rows"),
        ({"episode_lengths": np.array([3, 0, 4])}, "got 0 in episode 1"),
        ({"episode_lengths": np.array([3.0, 4.0])}, "whole numbers"),
        ({"episode_lengths": np.array([8, -1])}, "got -1 in episode 1"),
        ({"rewards": np.zeros((7, 2))}, "one number a step"),
        ({"rewards": np.zeros(7, complex)}, "must hold numbers"),
        ({"actions": np.full(7, 2**40)}, "whole numbers from"),
        ({"actions": np.zeros((7, 0))}, "rows of numbers"),
    ],
)
def test_npz_that_is_wrong(change: dict[str, np.ndarray], expected: str, tmp_path: Path) -> None:
    assert imported("npz", npz(tmp_path, **good()), final_obs="repeat").num_steps == 7
    refused("npz", npz(tmp_path, **good() | change), expected, final_obs="repeat")


def test_npz_names_what_is_there(tmp_path: Path) -> None:
    names = "There are actions, episode_lengths, observations, rewards. Say in"
    refused("npz", npz(tmp_path, **good()), f"no array 'observation'. {names} obs which", obs="observation")
    refused("npz", npz(tmp_path, **good()), f"no array 'reward'. {names} rewards which", rewards="reward")


def test_npz_that_does_not_say_where_episodes_end(tmp_path: Path) -> None:
    arrays = good()
    del arrays["episode_lengths"]
    refused("npz", npz(tmp_path, **arrays), "single_episode")


def archive(path: Path, header: dict[str, Any], content: bytes) -> Path:
    """An archive whose actions have a header of our own."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, header)
    with zipfile.ZipFile(path / "recording.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("actions.npy", stream.getvalue() + content)
    return path / "recording.npz"


def test_npz_of_objects_is_refused_unread(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]

    np.savez(tmp_path / "recording.npz", actions=np.array([Trap()], object))
    refused("npz", tmp_path / "recording.npz", "can run any code")
    assert not (tmp_path / "sprung").exists()


def test_npz_whose_header_claims_too_much(tmp_path: Path) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (2**40, 2)}
    refused("npz", archive(tmp_path, header, bytes(80)), "by its header")


def test_npz_that_is_a_bomb(tmp_path: Path) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (2**22, 2)}
    refused("npz", archive(tmp_path, header, bytes(2**25)), "1000 times")


def frames(folder: Path, change: Callable[[Any], Any], **options: Any) -> Path:
    path = written("lerobot", folder)
    file = path / "data/chunk-000/file-000.parquet"
    parquet.write_table(change(parquet.read_table(file)), file, **options)
    return path


def test_lerobot_with_missing_frames(tmp_path: Path) -> None:
    refused("lerobot", frames(tmp_path, lambda table: table.slice(1)), "episode 0", "got 1 in place of 0")


def test_lerobot_of_text(tmp_path: Path) -> None:
    def change(table: Any) -> Any:
        return table.set_column(1, "action", pyarrow.array(["1"] * len(table)))

    refused("lerobot", frames(tmp_path, change), "action must hold numbers")


def test_lerobot_that_is_a_bomb(tmp_path: Path) -> None:
    def change(table: Any) -> Any:
        return pyarrow.table({name: [table[name][0].as_py()] * 10**6 for name in ("frame_index", "episode_index")})

    refused("lerobot", frames(tmp_path, change), "1000 times")


@pytest.mark.parametrize(("field", "value"), [("codebase_version", "v2.1"), ("features", None), ("features", {})])
def test_lerobot_described_otherwise(field: str, value: Any, tmp_path: Path) -> None:
    path = written("lerobot", tmp_path)
    info = json.loads((path / "meta/info.json").read_text())
    (path / "meta/info.json").write_text(json.dumps(info | {field: value}))
    refused("lerobot", path, "v2.1" if field == "codebase_version" else "feature")


def test_imitation_that_leads_elsewhere(tmp_path: Path) -> None:
    path = written("imitation", tmp_path)
    (path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "../secret.arrow"}]}))
    refused("imitation", path, "must name files beside it")
