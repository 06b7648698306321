"""Trajectories saved by the library `imitation`: a folder of Hugging Face datasets, one row a trajectory.

Its column `infos` holds Python objects written by jsonpickle. Decoding them can run any code, so they are never read.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.errors import DataError
from ilkit.files.arrow import column_of, dense, import_pyarrow
from ilkit.files.description import read_json
from ilkit.files.episodes import Episode, Note, Recorded, adopt, assemble, reading, warn
from ilkit.files.losses import check_exportable, lost_bounds, lost_ends, lost_rewards

_FILE = "data-00000-of-00001.arrow"


class Imitation(Recorded):
    """Trajectories saved by the library imitation."""

    kind: Literal["imitation"] = "imitation"
    path: Path = Path("trajectories")
    """The folder, from the folder of `params.yaml`."""


def dataset(spec: Imitation, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Demonstrations:
    """Reads the episodes, with the environment's spaces.

    **Raises:** `DataError` where the folder can't be read or doesn't fit the environment.
    """
    del key
    return adopt(read(spec), env().spaces, spec.path)


def read(spec: Imitation, note: Note = warn) -> Demonstrations:
    """Reads the trajectories; one that isn't `terminal` is truncated.

    **Raises:** `DataError` where the folder can't be read.
    """
    del note  # the format leaves nothing to decide
    with reading(spec.path, "trajectories of the library imitation"):
        return assemble(_episodes(spec), spec)


def write(demos: Demonstrations, path: Path, spec: Imitation) -> list[str]:
    """Writes the folder, with empty `infos`; returns what it can't hold."""
    del spec
    check_exportable(demos, path)
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
    return [*lost_ends(demos), *lost_bounds(demos), *lost_rewards(demos)]


def _episodes(spec: Imitation) -> Iterator[Episode]:
    number = 0
    for name in _files(spec.path):
        for batch in _batches(spec.path / name):
            yield from _trajectories(batch, spec.path / name, number)
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


def _trajectories(batch: Any, path: Path, first: int) -> Iterator[Episode]:
    obs, actions, terminal = (column_of(_table(batch), name, path) for name in ("obs", "acts", "terminal"))
    rewards = _table(batch).column("rews") if "rews" in batch.schema.names else None
    ends = dense(terminal, f"{path}, terminal")
    for row in range(batch.num_rows):
        where = f"{path}, trajectory {first + row}:"
        yield Episode(
            f"trajectory {first + row}",
            _entries(obs, row, f"{where} obs"),
            _entries(actions, row, f"{where} acts"),
            None if rewards is None else _entries(rewards, row, f"{where} rews"),
            bool(ends[row].any()),
        )


def _table(batch: Any) -> Any:
    return import_pyarrow().Table.from_batches([batch])


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
