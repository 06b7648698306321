"""Recordings as the libraries themselves write them, found by running them: LeRobot, robomimic and D4RL."""

import json
from pathlib import Path

import h5py
import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from ilkit.data.demonstrations import Demonstrations
from ilkit.errors import DataError
from tests.format.formats import assert_equal, demonstrations, imported, written


def as_lerobot_writes(path: Path, demos: Demonstrations) -> None:
    """Writes what LeRobot 0.4.4 and 0.6.1 do, with a matrix, a picture, and two chunks of files."""
    obs = demos.before()
    kinds = {"observation.state": ("float32", [1, 2]), "observation.environment_state": ("float64", [1])}
    kinds |= {"observation.images.top": ("image", [4, 4, 3]), "action": ("float32", [2])}
    features = {name: {"dtype": dtype, "shape": shape, "names": None} for name, (dtype, shape) in kinds.items()}
    picture = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
    matrix = {"ARROW:extension:name": "datasets.features.features.Array2DExtensionType"}
    matrix["ARROW:extension:metadata"] = '[[1, 2], "float32"]'
    schema = pyarrow.schema(
        [
            pyarrow.field("observation.state", pyarrow.list_(pyarrow.list_(pyarrow.float32())), metadata=matrix),
            ("observation.environment_state", pyarrow.float64()),
            ("observation.images.top", picture),
            ("action", pyarrow.list_(pyarrow.float32(), 2)),
            ("frame_index", pyarrow.int64()),
            ("episode_index", pyarrow.int64()),
        ],
        metadata={"huggingface": "{}"},
    )
    rows = [
        {
            "observation.state": [obs[step, :2].tolist()],
            "observation.environment_state": float(obs[step, 2]),
            "observation.images.top": {"bytes": b"PNG", "path": "frame-000000.png"},
            "action": demos.actions[step].tolist(),
            "frame_index": frame,
            "episode_index": episode,
        }
        for step, (episode, frame) in enumerate(
            (episode, frame) for episode, length in enumerate(demos.lengths.tolist()) for frame in range(length)
        )
    ]
    table, first = pyarrow.Table.from_pylist(rows, schema=schema), int(demos.lengths[:4].sum())
    for chunk, part in (("chunk-000", table.slice(0, first)), ("chunk-001", table.slice(first))):
        (path / "data" / chunk).mkdir(parents=True)
        parquet.write_table(part, path / "data" / chunk / "file-000.parquet", compression="snappy")
    (path / "meta").mkdir()
    (path / "meta" / "info.json").write_text(json.dumps({"codebase_version": "v3.0", "fps": 30, "features": features}))


def test_lerobot_as_lerobot_writes_it(tmp_path: Path) -> None:
    demos = demonstrations()
    as_lerobot_writes(tmp_path / "recording", demos)
    notes: list[str] = []
    keys = ("observation.state", "observation.environment_state")
    got = imported("lerobot", tmp_path / "recording", notes.append, obs_keys=keys, final_obs="repeat")
    assert_equal(got, demos, "actions", "lengths")
    np.testing.assert_array_equal(got.before(), demos.before())
    assert "pictures aren't read: observation.images.top" in notes[0]


def test_lerobot_gets_the_statistics_that_it_keeps(tmp_path: Path) -> None:
    demos = demonstrations()
    path = written("lerobot", tmp_path, demos)
    whole = json.loads((path / "meta/stats.json").read_text())
    episodes = parquet.read_table(path / "meta/episodes/chunk-000/file-000.parquet")
    parts = np.split(demos.actions.astype(np.float64), np.cumsum(demos.lengths)[:-1])
    for name, of in (("min", np.min), ("mean", np.mean), ("q50", np.median)):
        np.testing.assert_allclose(whole["action"][name], of(demos.actions.astype(np.float64), axis=0))
        expected = [of(part, axis=0) for part in parts]
        np.testing.assert_allclose(episodes[f"stats/action/{name}"].to_pylist(), expected)
    assert episodes["stats/action/count"].to_pylist() == demos.lengths[:, None].tolist()
    keys = {"min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"}
    for feature in json.loads((path / "meta/info.json").read_text())["features"]:  # split_dataset needs all of them
        assert set(whole[feature]) == keys
        assert {f"stats/{feature}/{key}" for key in keys} <= set(episodes.column_names)


def as_robomimic_writes(path: Path, demos: Demonstrations) -> None:
    """Writes what robomimic 0.3.0 does: `run_trained_agent.py`, then `split_train_val.py`."""
    random, ends = np.random.default_rng(0), np.cumsum(demos.lengths)
    with h5py.File(path, "w") as file:
        for number, (stop, length) in enumerate(zip(ends, demos.lengths, strict=True)):
            demo = file.create_group(f"data/demo_{number}")
            first = stop - length + number  # there is one observation more an episode than actions
            obs, steps = demos.obs[first : first + length + 1].astype(np.float64), slice(stop - length, stop)
            pictures = random.integers(0, 255, (length + 1, 4, 4, 3), np.uint8)
            demo["actions"], demo["states"] = demos.actions[steps].astype(np.float64), np.zeros((length, 5))
            demo["rewards"] = demos.rewards[steps].astype(np.float64)
            demo["dones"] = np.arange(length) == (length - 1 if demos.terminated[number] else length)
            for name, part in (("eef", obs[:, :2]), ("object", obs[:, 2:]), ("agentview_image", pictures)):
                demo[f"obs/{name}"], demo[f"next_obs/{name}"] = part[:-1], part[1:]
            demo.attrs["model_file"], demo.attrs["num_samples"] = "<mujoco/>", length
        file["data"].attrs["total"] = demos.num_steps
        file["data"].attrs["env_args"] = json.dumps({"env_name": "Lift", "type": 1, "env_kwargs": {}}, indent=4)
        file["mask/train"] = np.array(["demo_0", "demo_10", "demo_3"], dtype="S")


def test_robomimic_as_robomimic_writes_it(tmp_path: Path) -> None:
    demos = demonstrations()
    as_robomimic_writes(tmp_path / "rollouts.hdf5", demos)
    assert_equal(imported("robomimic", tmp_path / "rollouts.hdf5", obs_keys=("eef", "object")), demos)
    chosen = imported("robomimic", tmp_path / "rollouts.hdf5", obs_keys=("eef",), filter_key="train")
    np.testing.assert_array_equal(chosen.lengths, demos.lengths[[0, 3, 10]])


def as_d4rl_writes(path: Path, demos: Demonstrations) -> None:
    """Writes what `d4rl.utils.dataset_utils.DatasetWriter` of D4RL 1.1 does: no `timeouts`, no next observations."""
    columns = {
        "observations": demos.before(),
        "actions": demos.actions,
        "terminals": demos.at_last_step(demos.terminated),
        "rewards": demos.rewards,
        "infos/qpos": np.zeros((demos.num_steps, 4), np.float32),
        "infos/goal": np.zeros((demos.num_steps, 2), np.float32),
    }
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            file.create_dataset(name, data=values, compression="gzip")


def cut(demos: Demonstrations, lengths: list[int], terminated: list[bool]) -> Demonstrations:
    """The first steps as episodes of these lengths."""
    steps, ends = sum(lengths), np.array(terminated)
    return Demonstrations(
        demos.obs[: steps + len(lengths)],
        demos.actions[:steps],
        demos.rewards[:steps],
        ends,
        ~ends,
        np.array(lengths, np.int32),
        spaces=demos.spaces,
    )


def test_d4rl_as_d4rl_writes_it(tmp_path: Path) -> None:
    demos = cut(demonstrations(), [5, 3, 5, 5, 2, 4], [False, True, True, False, True, False])
    path = tmp_path / "recording.hdf5"
    as_d4rl_writes(path, demos)
    with pytest.raises(DataError, match=r"no /timeouts.*Give episode_steps"):
        imported("d4rl", path)
    got = imported("d4rl", path, episode_steps=5, final_obs="repeat")
    assert_equal(got, demos, "actions", "rewards", "terminated", "truncated", "lengths")
    whole = imported("d4rl", path, episode_steps=10**6, final_obs="repeat")
    np.testing.assert_array_equal(whole.lengths, [8, 5, 7, 4])
