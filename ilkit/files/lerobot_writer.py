"""Writing a data set of LeRobot, version 3, in one chunk and without videos."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.errors import counted
from ilkit.files.arrow import import_pyarrow
from ilkit.files.losses import lost_bounds, lost_rewards

_FPS = 50
"""Frames a second, which demonstrations don't know; LeRobot wants a number."""
_TASK = "demonstration"
_FILE = "chunk-000/file-000.parquet"
_QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
"""Those by which some of LeRobot's policies scale what they see."""


def write_folder(demos: Demonstrations, path: Path, *, obs_keys: tuple[str, ...], action_key: str) -> list[str]:
    """Writes the folder; returns what it can't hold.

    **Raises:** `DataError` where pyarrow is missing.
    """
    import_pyarrow()
    columns = _columns(demos, obs_keys, action_key)
    _write(path / "data" / _FILE, {name: _arrow(values) for name, values in columns.items()})
    _write(path / "meta" / "episodes" / _FILE, _episode_columns(demos) | _episode_statistics(demos, columns))
    _write(path / "meta" / "tasks.parquet", {"task_index": [0], "task": [_TASK]}, index="task")
    _write_json(path / "meta" / "info.json", _info(demos, columns))
    _write_json(path / "meta" / "stats.json", {name: _statistics(values) for name, values in columns.items()})
    return [
        f"The last observation of each of {counted(demos.num_episodes, 'episode')} is lost; final_obs says what to do.",
        *lost_bounds(demos),
        *lost_rewards(demos),
        f"The rate is unknown and written as {_FPS} frames a second, and the task as {_TASK!r}.",
    ]


def _columns(demos: Demonstrations, obs_keys: tuple[str, ...], action_key: str) -> dict[str, np.ndarray]:
    frame = np.arange(demos.num_steps) - demos.starts[demos.episode_of()]
    actions = demos.actions.astype(np.int64)[:, None] if demos.actions.ndim == 1 else demos.actions
    return {
        **(demos.before() if isinstance(demos.obs, dict) else dict.fromkeys(obs_keys, demos.before())),
        action_key: actions,
        "next.reward": demos.rewards,
        "next.done": demos.at_last_step(np.ones(demos.num_episodes, bool)),
        "next.truncated": demos.at_last_step(~demos.terminated),
        "timestamp": (frame / _FPS).astype(np.float32),
        "frame_index": frame,
        "episode_index": demos.episode_of(),
        "index": np.arange(demos.num_steps),
        "task_index": np.zeros(demos.num_steps, np.int64),
    }


def _arrow(values: np.ndarray) -> Any:
    pyarrow = import_pyarrow()
    flat = pyarrow.array(values.reshape(-1))
    one_a_row = values.ndim == 1 or values.shape[1] == 1  # as LeRobot stores features of shape (1,)
    return flat if one_a_row else pyarrow.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _episode_columns(demos: Demonstrations) -> dict[str, Any]:
    stops = demos.stops
    zeros = np.zeros(demos.num_episodes, np.int64)
    return {
        "episode_index": np.arange(demos.num_episodes),
        "tasks": [[_TASK]] * demos.num_episodes,
        "length": demos.lengths.astype(np.int64),
        "dataset_from_index": stops - demos.lengths,
        "dataset_to_index": stops,
        "data/chunk_index": zeros,
        "data/file_index": zeros,
        "meta/episodes/chunk_index": zeros,
        "meta/episodes/file_index": zeros,
    }


def _episode_statistics(demos: Demonstrations, columns: dict[str, np.ndarray]) -> dict[str, Any]:
    """What LeRobot goes on from when it records more, splits or deletes; without it, it can't load or scale that."""
    stops = demos.stops[:-1]
    found: dict[str, Any] = {}
    for name, values in columns.items():
        episodes = [_statistics(part) for part in np.split(values, stops)]
        found |= {f"stats/{name}/{key}": [each[key] for each in episodes] for key in episodes[0]}
    return found


def _info(demos: Demonstrations, columns: dict[str, np.ndarray]) -> dict[str, Any]:
    return {
        "codebase_version": "v3.0",
        "robot_type": None,
        "total_episodes": demos.num_episodes,
        "total_frames": demos.num_steps,
        "total_tasks": 1,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": _FPS,
        "splits": {"train": f"0:{demos.num_episodes}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": None,
        "features": {
            name: {"dtype": str(values.dtype), "shape": list(values.shape[1:]) or [1], "names": None}
            for name, values in columns.items()
        },
    }


def _statistics(values: np.ndarray) -> dict[str, list[float]]:
    rows = values.reshape(len(values), -1).astype(np.float64)
    found = {"min": rows.min(0), "max": rows.max(0), "mean": rows.mean(0), "std": rows.std(0)}
    quantiles = np.quantile(rows, list(_QUANTILES.values()), axis=0)
    found |= dict(zip(_QUANTILES, quantiles, strict=True))
    return {name: each.tolist() for name, each in found.items()} | {"count": [len(rows)]}


def _write(path: Path, columns: dict[str, Any], index: str | None = None) -> None:
    pyarrow = import_pyarrow()
    from pyarrow import parquet

    table = pyarrow.table(columns)
    if index:  # as pandas marks the column that is the index
        described = [_pandas(field.name, str(field.type)) for field in table.schema]
        pandas = {"index_columns": [index], "column_indexes": [], "columns": described, "pandas_version": "2.2.0"}
        table = table.replace_schema_metadata({"pandas": json.dumps(pandas)})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, compression="snappy")


def _pandas(name: str, kind: str) -> dict[str, Any]:
    kinds = {"string": ("unicode", "object")}
    pandas, numpy = kinds.get(kind, (kind, kind))
    return {"name": name, "field_name": name, "pandas_type": pandas, "numpy_type": numpy, "metadata": None}


def _write_json(path: Path, found: dict[str, Any]) -> None:
    path.write_text(json.dumps(found, indent=4) + "\n", encoding="utf-8")
