"""Trajectories saved by the library `imitation`: a folder of Hugging Face datasets, one row a trajectory.

Before version 1.0 they were a NumPy archive, which is read, too. `infos` are Python objects written by jsonpickle or
pickle. Decoding them can run any code, so they are never read.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.format import Format
from ilkit.data.spaces import vectors
from ilkit.errors import DataError
from ilkit.files.archive import open_npz
from ilkit.files.arrow import column_of, dense, import_pyarrow
from ilkit.files.description import read_json
from ilkit.files.format import format_of
from ilkit.files.losses import lost_bounds, lost_rewards
from ilkit.files.recording import Episode, Recording, Source
from ilkit.spec import Spec

_FILE = "data-00000-of-00001.arrow"


class Imitation(Spec):
    """Trajectories saved by the library imitation."""

    kind: Literal["imitation"] = "imitation"


def format(spec: Imitation) -> Format:
    """A folder, or an older archive; a trajectory that isn't `terminal` is truncated."""
    del spec
    return format_of(_read, _write, form="trajectories of the library imitation")


def _read(source: Source) -> Recording:
    return Recording(_of_archive(source.path) if source.path.is_file() else _episodes(source.path))


def _write(demos: Demonstrations, path: Path) -> list[str]:
    """Writes the folder, with empty `infos`."""
    vectors(demos.spaces.observation, "imitation")
    pyarrow = import_pyarrow()
    stops = demos.stops
    obs_stops = stops + np.arange(1, demos.num_episodes + 1)
    infos = [["{}"] * length for length in demos.lengths.tolist()]
    columns = {
        "obs": _rows(demos.obs, obs_stops),
        "acts": _rows(demos.actions.astype(np.int64) if demos.actions.ndim == 1 else demos.actions, stops),
        "infos": pyarrow.array(infos, pyarrow.list_(pyarrow.string())),
        "terminal": pyarrow.array(demos.terminated.tolist(), pyarrow.bool_()),
        "rews": _rows(demos.rewards, stops),
    }
    table = pyarrow.table(columns)
    features = {name: _feature(column.type) for name, column in columns.items()}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.mkdir(parents=True)
    with pyarrow.OSFile(str(path / _FILE), "wb") as sink, pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    state: dict[str, Any] = {
        "_data_files": [{"filename": _FILE}],
        "_fingerprint": "0000000000000000",
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    for name, found in (("state.json", state), ("dataset_info.json", info)):
        (path / name).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return [*lost_bounds(demos), *lost_rewards(demos)]


def _of_archive(path: Path) -> Iterator[Callable[[], Episode]]:
    """The trajectories of an `.npz` of imitation 0.3 and before; `indices` cut the steps of all but the last."""
    with open_npz(path) as archive:
        obs, actions, terminal, indices = (archive.array(name) for name in ("obs", "acts", "terminal", "indices"))
        rewards = archive.array("rews") if "rews" in archive.names else None
    if indices.ndim != 1 or indices.dtype.kind not in "iu" or terminal.shape != (len(indices) + 1,):
        raise DataError(
            f"{path}: indices must be whole numbers, one fewer than the {terminal.size} trajectories, got "
            f"{indices.dtype} of shape {indices.shape}."
        )
    cuts = indices.astype(np.int64)
    if len(obs) != len(actions) + len(terminal) or (np.diff(cuts, prepend=0, append=len(actions)) < 0).any():
        raise DataError(
            f"{path}: indices must cut {len(actions)} actions into {len(terminal)} trajectories with an observation "
            f"more each, got {len(obs)} observations."
        )
    ends = terminal != 0
    seen = np.split(obs, cuts + np.arange(len(cuts)) + 1)
    for number, (part, done) in enumerate(zip(np.split(actions, cuts), ends.tolist(), strict=True)):
        start = 0 if number == 0 else int(cuts[number - 1])
        worth = None if rewards is None else rewards[start : start + len(part)]
        yield partial(Episode, f"trajectory {number}", seen[number], part, worth, done)


def _episodes(path: Path) -> Iterator[Callable[[], Episode]]:
    number = 0
    for name in _files(path):
        for batch in _batches(path / name):
            yield from _trajectories(batch, path / name, number)
            number += batch.num_rows


def _files(path: Path) -> list[str]:
    files = read_json(path / "state.json").get("_data_files")
    found = files if isinstance(files, list) else []
    names: list[Any] = [file.get("filename") for file in found if isinstance(file, dict)]
    if not names:
        raise DataError(f"{path / 'state.json'} must list _data_files, got {files!r:.80}. Was it saved by imitation?")
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not (path / name).is_file():
            raise DataError(f"{path / 'state.json'} must name files beside it, got {name!r}. Is the folder whole?")
    return names


def _batches(path: Path) -> Iterator[Any]:
    pyarrow = import_pyarrow()
    with pyarrow.memory_map(str(path)) as source, pyarrow.ipc.open_stream(source) as stream:
        for batch in stream:
            kept = [name for name in ("obs", "acts", "terminal", "rews") if name in batch.schema.names]
            batch = batch.select(kept)
            batch.validate(full=True)
            yield batch


def _trajectories(batch: Any, path: Path, first: int) -> Iterator[Callable[[], Episode]]:
    table = import_pyarrow().Table.from_batches([batch])
    columns = [column_of(table, name, path) for name in ("obs", "acts", "terminal")]
    rewards = table.column("rews") if "rews" in batch.schema.names else None
    for row in range(batch.num_rows):
        yield partial(_trajectory, columns, rewards, row, f"trajectory {first + row}", path)


def _trajectory(columns: list[Any], rewards: Any, row: int, name: str, path: Path) -> Episode:
    obs, actions, terminal = columns
    where = f"{path}, {name}:"
    return Episode(
        name,
        _entries(obs, row, f"{where} obs"),
        _entries(actions, row, f"{where} acts"),
        None if rewards is None else _entries(rewards, row, f"{where} rews"),
        bool(dense(terminal.slice(row, 1), f"{where} terminal").any()),
    )


def _entries(column: Any, row: int, what: str) -> np.ndarray:
    values = getattr(column[row], "values", None)
    if values is None:
        raise DataError(f"{what} must be a list with an entry for each step, got {column.type}.")
    return dense(values, what)


def _rows(values: np.ndarray, stops: np.ndarray) -> Any:
    """A list of rows for each episode."""
    pyarrow = import_pyarrow()
    inner = pyarrow.array(values.reshape(-1))
    if values.ndim == 2:
        inner = pyarrow.ListArray.from_arrays(np.arange(len(values) + 1, dtype=np.int32) * values.shape[1], inner)
    return pyarrow.ListArray.from_arrays(np.concatenate([[0], stops]).astype(np.int32), inner)


def _feature(kind: Any) -> dict[str, Any]:
    if hasattr(kind, "value_type"):
        return {"feature": _feature(kind.value_type), "_type": "Sequence"}
    names = {"float": "float32", "double": "float64"}
    return {"dtype": names.get(str(kind), str(kind)), "_type": "Value"}
