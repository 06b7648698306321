"""What is particular to each format."""

import dataclasses
import json
import logging
from pathlib import Path

import h5py
import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_settings import Goal
from ilkit.data.spaces import Box, Dict, Discrete
from ilkit.errors import DataError
from tests.format.formats import assert_equal, chosen, demonstrations, imported, written


def test_minari_puts_entries_of_a_dictionary_side_by_side(tmp_path: Path) -> None:
    demos = demonstrations(num_episodes=1)
    path = written("minari", tmp_path, demos)
    space = {"type": "Box", "dtype": "float64", "shape": [1], "low": [-1.0], "high": [1.0]}
    nested = {"type": "Dict", "subspaces": {"goal": space, "state": {"type": "Dict", "subspaces": {"x": space}}}}
    metadata = json.loads((path / "data/metadata.json").read_text())
    (path / "data/metadata.json").write_text(json.dumps(metadata | {"observation_space": json.dumps(nested)}))
    with h5py.File(path / "data/main_data.hdf5", "r+") as file:
        del file["episode_0/observations"]
        file["episode_0/observations/goal"] = demos.obs[:, 0]
        file["episode_0/observations/state/x"] = demos.obs[:, 1:2].astype(np.float64)
    whole = imported("minari", path)
    assert sorted(whole.obs) == ["goal", "state/x"]
    np.testing.assert_array_equal(whole.obs["state/x"], demos.obs[:, 1:2])
    box = Box(low=(-1.0,), high=(1.0,))
    assert whole.spaces.observation == Dict(entries={"goal": box, "state/x": box})
    assert sorted(imported("minari", path, obs_keys=("goal",), join=False).obs) == ["goal"]
    got = imported("minari", path, obs_keys=("state/x", "goal"))
    np.testing.assert_array_equal(got.obs, demos.obs[:, [1, 0]])
    assert got.spaces.observation == Box(low=(-1.0, -1.0), high=(1.0, 1.0))


def test_minari_counts_actions_from_the_start_of_their_space(tmp_path: Path) -> None:
    demos = demonstrations(discrete=True)
    path = written("minari", tmp_path, demos)
    metadata = json.loads((path / "data/metadata.json").read_text())
    space = json.dumps({"type": "Discrete", "dtype": "int64", "start": -1, "n": 3})
    (path / "data/metadata.json").write_text(json.dumps(metadata | {"action_space": space}))
    with h5py.File(path / "data/main_data.hdf5", "r+") as file:
        for group in file.values():
            group["actions"][:] = group["actions"][:] - 1
    got = imported("minari", path)
    np.testing.assert_array_equal(got.actions, demos.actions - 1)
    assert got.spaces.action == Discrete(size=3, start=-1)


@pytest.mark.parametrize("inside", ["", "data", "data/main_data.hdf5"])
def test_minari_is_found_from_each_level(inside: str, tmp_path: Path) -> None:
    demos = demonstrations()
    assert imported("minari", written("minari", tmp_path, demos) / inside).spaces == demos.spaces


def test_demonstrations_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    demos = demonstrations(num_episodes=12)  # demo_10 comes before demo_2 in an HDF5 file
    with h5py.File(written("robomimic", tmp_path, demos), "r") as file:
        assert list(file["data"])[2] == "demo_10"
    assert_equal(imported("robomimic", tmp_path / "recording"), demos)


def test_robomimic_filters_and_joins(tmp_path: Path) -> None:
    demos = demonstrations()
    path = written("robomimic", tmp_path, demos)
    with h5py.File(path, "r+") as file:
        file["mask/train"] = np.array([b"demo_10", b"demo_2"])
        for demo in file["data"].values():
            demo["obs/extra"], demo["next_obs/extra"] = demo["obs/flat"][:, :1], demo["next_obs/flat"][:, :1]
    whole = imported("robomimic", path)
    np.testing.assert_array_equal(whole.obs["flat"], demos.obs)
    np.testing.assert_array_equal(whole.obs["extra"], demos.obs[:, :1])
    got = imported("robomimic", path, obs_keys=("flat", "extra"), filter_key="train")
    np.testing.assert_array_equal(got.lengths, demos.lengths[[2, 10]])
    assert got.obs.shape[1] == 4
    np.testing.assert_array_equal(got.obs[:, 3], got.obs[:, 0])
    with pytest.raises(DataError, match="There are train"):
        imported("robomimic", path, obs_keys=("flat",), filter_key="trian")


def test_robomimic_without_next_observations(tmp_path: Path) -> None:
    demos = demonstrations()
    path = written("robomimic", tmp_path, demos)
    with h5py.File(path, "r+") as file:
        for demo in file["data"].values():
            del demo["next_obs"]
    notes: list[str] = []
    got = imported("robomimic", path, notes.append)
    assert len(notes) == 1
    assert "no observation after the last action" in notes[0]
    np.testing.assert_array_equal(got.lengths, demos.lengths - 1)
    assert_equal(imported("robomimic", path, final_obs="repeat"), demos, "actions", "rewards", "terminated")


def test_robomimic_gets_columns_of_discrete_actions(tmp_path: Path) -> None:
    demos = demonstrations(discrete=True)
    with h5py.File(written("robomimic", tmp_path, demos), "r") as file:
        assert file["data/demo_0/actions"].shape == (demos.lengths[0], 1)  # it takes the size from shape[1]
    assert_equal(imported("robomimic", tmp_path / "recording"), demos)


def test_robomimic_says_which_actions_it_cannot_imitate(tmp_path: Path) -> None:
    def notes(demos: Demonstrations, name: str) -> str:
        return " ".join(chosen("robomimic").write(demos, tmp_path / name))

    demos = demonstrations()
    demos.actions[:] = 1
    assert "-1 and 1" not in notes(demos, "within")
    demos.actions[0] = -1.5
    assert f"{1 / demos.num_steps:.1%} of the actions lie outside" in notes(demos, "outside")
    assert "no discrete actions" in notes(demonstrations(discrete=True), "discrete")


def test_d4rl_has_one_word_on_where_episodes_end(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Leave out episode_steps"):
        imported("d4rl", written("d4rl", tmp_path), episode_steps=5)


def test_d4rl_names_an_episode_without_an_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    demos = demonstrations()
    path = written("d4rl", tmp_path, demos)
    with h5py.File(path, "r+") as file:
        file["timeouts"][-1] = file["terminals"][-1] = False
    with caplog.at_level(logging.WARNING):
        got = imported("d4rl", path)
    assert "the last episode, 11 from step" in caplog.text
    assert_equal(got, demos)


def test_imitation_never_looks_at_infos(tmp_path: Path) -> None:
    demos = demonstrations()
    path = written("imitation", tmp_path, demos)
    file = path / "data-00000-of-00001.arrow"
    with pyarrow.memory_map(str(file)) as source:
        table = pyarrow.ipc.open_stream(source).read_all()
    trap = '{"py/reduce": [{"py/function": "os.abort"}, {"py/tuple": []}]}'
    table = table.set_column(2, "infos", pyarrow.array([[trap]] * len(table)))
    with pyarrow.OSFile(str(path / "new"), "wb") as sink, pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    (path / "new").rename(file)
    assert_equal(imported("imitation", path), demos)


def test_imitation_without_rewards(tmp_path: Path) -> None:
    demos = demonstrations()
    path = written("imitation", tmp_path, demos)
    file = path / "data-00000-of-00001.arrow"
    with pyarrow.memory_map(str(file)) as source:
        table = pyarrow.ipc.open_stream(source).read_all().drop_columns(["rews"])
    with pyarrow.OSFile(str(path / "new"), "wb") as sink, pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    (path / "new").rename(file)
    got = imported("imitation", path)
    assert np.isnan(got.rewards).all()
    assert_equal(got, demos, "obs", "actions", "terminated")


def test_lerobot_reads_files_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    demos = demonstrations()
    path = written("lerobot", tmp_path, demos)
    folder = path / "data/chunk-000"
    table = parquet.read_table(folder / "file-000.parquet")
    cut = int(demos.lengths[:5].sum())
    parquet.write_table(table.slice(0, cut), folder / "file-999.parquet")
    parquet.write_table(table.slice(cut), folder / "file-1000.parquet")
    (folder / "file-000.parquet").unlink()
    assert_equal(imported("lerobot", path, final_obs="repeat"), demos, "actions", "lengths", "terminated")


def test_lerobot_writes_the_observation_under_each_name(tmp_path: Path) -> None:
    demos = demonstrations()
    path = written("lerobot", tmp_path, demos, obs_keys=("observation.state", "observation.environment_state"))
    for name in ("observation.state", "observation.environment_state"):
        got = imported("lerobot", path, obs_keys=(name,), final_obs="repeat")
        np.testing.assert_array_equal(got.before(), demos.before())
    with pytest.raises(DataError, match="need a name"):
        written("lerobot", tmp_path / "none", obs_keys=())


def test_lerobot_joins_features(tmp_path: Path) -> None:
    path = written("lerobot", tmp_path)
    got = imported("lerobot", path, obs_keys=("timestamp", "observation.state"))
    assert got.obs.shape[1] == 4
    assert got.obs[1, 0] == np.float32(0.02)


def test_lerobot_tasks_are_marked_as_pandas_does(tmp_path: Path) -> None:
    table = parquet.read_table(written("lerobot", tmp_path) / "meta/tasks.parquet")
    assert json.loads(table.schema.metadata[b"pandas"])["index_columns"] == ["task"]


def flat(**changes: np.ndarray | None) -> dict[str, np.ndarray]:
    arrays = {
        "observations": np.arange(6.0)[:, None],
        "actions": np.arange(6, dtype=np.float32),
        "rewards": np.arange(6.0),
        "next_observations": np.array([1.0, 2.0, 9.0, 4.0, 5.0, 9.0])[:, None],
        "terminations": np.array([0, 0, 1, 0, 0, 0], bool),
        "truncations": np.array([0, 0, 0, 0, 0, 1], bool),
        "episode_lengths": np.array([3, 3]),
    }
    return {name: array for name, array in (arrays | changes).items() if array is not None}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"episode_lengths": None},
        {"terminations": np.array([True, False])},
        {"observations": np.array([0.0, 1, 2, 9, 3, 4, 5, 9])[:, None], "next_observations": None},
        {"truncations": None},
    ],
    ids=["as recorded", "cut by flags", "flags of episodes", "T + 1 observations", "no truncations"],
)
def test_npz_layouts_say_the_same(changes: dict[str, np.ndarray | None], tmp_path: Path) -> None:
    np.savez(tmp_path / "recording.npz", **flat(**changes))  # type: ignore[arg-type]
    got = imported("npz", tmp_path / "recording.npz")
    np.testing.assert_array_equal(got.obs[:, 0], [0, 1, 2, 9, 3, 4, 5, 9])
    np.testing.assert_array_equal(got.actions[:, 0], np.arange(6))
    np.testing.assert_array_equal(got.rewards, np.arange(6))
    np.testing.assert_array_equal(got.terminated, [True, False])
    np.testing.assert_array_equal(got.truncated, [False, True])


def test_npz_of_one_episode_under_other_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "recording.npz", speed=np.arange(5.0), steering=np.zeros(5))
    got = imported(
        "npz", tmp_path / "recording.npz", obs="speed", actions="steering", single_episode=True, final_obs="repeat"
    )
    np.testing.assert_array_equal(got.obs[:, 0], [0, 1, 2, 3, 4, 4])
    assert (got.actions.shape, got.lengths.tolist()) == ((5, 1), [5])


def test_npz_writes_the_names_it_reads(tmp_path: Path) -> None:
    demos = demonstrations()
    path = written("npz", tmp_path, demos, obs="x", actions="u")
    with np.load(path, allow_pickle=False) as file:
        assert {"x", "u", "rewards"} <= set(file.files)
    assert_equal(imported("npz", path, obs="x", actions="u"), demos)


def test_ogbench_holds_a_row_without_action_at_the_end_of_each_episode(tmp_path: Path) -> None:
    ends = np.array([0, 0, 1, 0, 0, 0, 1], np.float32)
    rows = np.arange(7.0)[:, None]
    for name, shift in (("maze.npz", 0.0), ("maze-val.npz", 10.0)):
        np.savez(tmp_path / name, observations=rows + shift, actions=rows / 10 + shift, terminals=ends, qpos=rows)
    got = imported("ogbench", tmp_path / "maze.npz")
    np.testing.assert_array_equal(got.obs, rows)
    np.testing.assert_allclose(got.actions[:, 0], [0.0, 0.1, 0.3, 0.4, 0.5])
    np.testing.assert_array_equal(got.lengths, [2, 3])
    assert got.truncated.all()
    assert np.isnan(got.rewards).all()
    np.testing.assert_array_equal(imported("ogbench", tmp_path / "maze-val.npz").obs, rows + 10)
    both = imported("ogbench", tmp_path)
    np.testing.assert_array_equal(both.lengths, [2, 3, 2, 3])


def test_ogbench_gets_back_what_it_reads_and_loses_goals(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    demos = imported("ogbench", written("ogbench", tmp_path), goal=Goal(achieved=(0, 1)))
    path.unlink()
    told = chosen("ogbench").write(demos, path)
    assert told[0].startswith("The goals are lost")
    with np.load(path) as found:
        ends = np.cumsum(demos.lengths + 1) - 1
        np.testing.assert_array_equal(np.flatnonzero(found["terminals"]), ends)
        np.testing.assert_array_equal(found["observations"], demos.obs["observation"])
        np.testing.assert_array_equal(np.delete(found["actions"], ends, axis=0), demos.actions)
    space = Dict(entries={"place": Box(shape=(3,), low=0, high=1)})
    spaces = demos.spaces.model_copy(update={"observation": space})
    other = dataclasses.replace(demos, obs={"place": demos.obs["observation"]}, spaces=spaces)
    with pytest.raises(DataError, match="ogbench needs observations that are an array, or a dictionary of observation"):
        chosen("ogbench").write(other, tmp_path / "other")


def test_ogbench_names_an_episode_of_one_row_and_flags_that_are_not_rows(tmp_path: Path) -> None:
    rows = np.arange(4.0)[:, None]
    np.savez(tmp_path / "a.npz", observations=rows, actions=rows, terminals=[0, 1, 1, 0])
    with pytest.raises(DataError, match="episode 1: must have two rows at least, for the last one holds no action"):
        imported("ogbench", tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", observations=rows, actions=rows, terminals=[0, 1])
    with pytest.raises(DataError, match="terminals must be one a row, 4, got the shape"):
        imported("ogbench", tmp_path / "a.npz")
