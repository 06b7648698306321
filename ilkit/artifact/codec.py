"""Turning a pytree into a description and named arrays, and back, without ever running what is read.

A description names the kinds of its parts. Only what ilkit, installed plug-ins and equinox register is looked up, only
`equinox.Module`, named tuples and pydantic models are made of it, and their constructors don't run.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ilkit.artifact.names import class_named, name_of, version_of
from ilkit.errors import ArtifactError

_DTYPES = {
    "BOOL": np.bool_,
    **{"U8": np.uint8, "U16": np.uint16, "U32": np.uint32, "U64": np.uint64},
    **{"I8": np.int8, "I16": np.int16, "I32": np.int32, "I64": np.int64},
    **{"F16": np.float16, "F32": np.float32, "F64": np.float64},
}
FORMAT = 2
"""The version of the format that is written; another one is refused."""


def write(thing: Any, folder: Path) -> None:
    """Writes `spec.json` and `arrays.safetensors` into an existing folder."""
    arrays: dict[str, np.ndarray] = {}
    description = {"format": FORMAT, "artifact": _describe(thing, "", arrays)}
    (folder / "spec.json").write_text(json.dumps(description, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    save_file(arrays, folder / "arrays.safetensors")


def read(folder: Path) -> Any:
    """Reads what `write` has written.

    **Raises:** `ArtifactError` where the folder is no artifact, of another format, truncated or altered.
    """
    description = read_description(folder)
    try:
        arrays = _mapped(folder / "arrays.safetensors")
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{folder / 'arrays.safetensors'} can't be read: {error}. Make it again.") from error
    try:
        thing = _restore(description["artifact"], arrays)
    except (KeyError, TypeError, AttributeError, ValueError, ValidationError) as error:
        raise ArtifactError(f"{folder / 'spec.json'} doesn't describe an artifact of this ilkit: {error}.") from error
    if arrays:
        raise ArtifactError(f"{folder / 'arrays.safetensors'} holds unknown arrays: {', '.join(sorted(arrays))}.")
    return thing


def _mapped(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file as views of it: nothing is read before it is needed."""
    with safe_open(path, "np") as file:  # checks that the header fits the file
        names = list(file.keys())
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    if not names:
        return {}
    content = np.memmap(path, np.uint8, mode="r")[8 + length :]
    found = {}
    for name in names:
        dtype, (start, stop) = _DTYPES.get(header[name]["dtype"]), header[name]["data_offsets"]
        if dtype is None:
            raise ArtifactError(f"{path}: {name} must be of a type of NumPy, got {header[name]['dtype']}.")
        found[name] = np.asarray(content[start:stop]).view(dtype).reshape(header[name]["shape"])
    return found


def read_description(folder: Path) -> dict[str, Any]:
    """Reads and checks `spec.json`."""
    path = folder / "spec.json"
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        what = "has no spec.json" if folder.exists() else "isn't there"
        raise ArtifactError(f"{folder} is no artifact: it {what}. Run the stage that makes it.") from error
    except NotADirectoryError as error:
        raise ArtifactError(
            f"{folder} is a file, and an artifact is a folder. Import a recording first: `ilkit data import`."
        ) from error
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} can't be read: {error}. Make the artifact again.") from error
    found = description.get("format") if isinstance(description, dict) else None
    if found != FORMAT:
        raise ArtifactError(
            f"{path} must have format {FORMAT}, got {found!r}. Make the artifact again with this ilkit, "
            "or read it with the one that made it."
        )
    return dict(description)


def _describe(thing: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    def inside(name: object, value: Any) -> Any:
        return _describe(value, f"{path}.{name}" if path else str(name), arrays)

    if thing is None or isinstance(thing, (bool, int, float, str)):
        return thing
    if isinstance(thing, (jax.Array, np.ndarray)):
        arrays[path] = np.asarray(thing, order="C")
        library = "numpy" if isinstance(thing, np.ndarray) else "jax"
        return {"array": path, "library": library, "shape": list(thing.shape), "dtype": str(thing.dtype)}
    if isinstance(thing, BaseModel):
        return {**_kind_of(thing), "model": json.loads(thing.model_dump_json())}
    if isinstance(thing, eqx.Module):
        names = [field.name for field in dataclasses.fields(thing) if hasattr(thing, field.name)]
        return {**_kind_of(thing), "fields": {name: inside(name, getattr(thing, name)) for name in names}}
    if isinstance(thing, tuple) and hasattr(thing, "_fields"):
        fields = {name: inside(name, getattr(thing, name)) for name in thing._fields}
        return {**_kind_of(thing), "fields": fields}
    if isinstance(thing, (tuple, list)):
        return {type(thing).__name__: [inside(index, value) for index, value in enumerate(thing)]}
    if isinstance(thing, dict) and all(isinstance(key, str) for key in thing):
        return {"dict": {key: inside(key, value) for key, value in thing.items()}}
    raise ArtifactError(
        f"An artifact holds arrays, modules, specs and plain data, got {type(thing).__name__} at {path!r}. "
        "Name functions by strings, and look them up where they are used."
    )


def _restore(node: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(node, dict):
        return node
    if "array" in node:
        return _restore_array(node, arrays)
    if "tuple" in node:
        return tuple(_restore(value, arrays) for value in node["tuple"])
    if "list" in node:
        return [_restore(value, arrays) for value in node["list"]]
    if "dict" in node:
        return {key: _restore(value, arrays) for key, value in node["dict"].items()}
    found = _class_of(node)
    if "model" in node:
        if not issubclass(found, BaseModel):
            raise ArtifactError(f"{node['kind']} is no pydantic model.")
        return found.model_validate_json(json.dumps(node["model"]))
    fields = {name: _restore(value, arrays) for name, value in node["fields"].items()}
    return _restore_fields(found, fields)


def _kind_of(thing: Any) -> dict[str, Any]:
    return {"kind": name_of(type(thing)), "version": version_of(type(thing))}


def _class_of(node: dict[str, Any]) -> type:
    found = class_named(node["kind"])
    if node["version"] != version_of(found):
        raise ArtifactError(
            f"{node['kind']} must be of version {version_of(found)}, got {node['version']!r}. Make the artifact again "
            "with what is installed, or read it with what made it."
        )
    return found


def _restore_array(node: dict[str, Any], arrays: dict[str, np.ndarray]) -> Any:
    array = arrays.pop(node["array"], None)
    expected = (tuple(node["shape"]), node["dtype"])
    if array is None or (array.shape, str(array.dtype)) != expected:
        got = "none" if array is None else f"{array.dtype}{list(array.shape)}"
        raise ArtifactError(f"The array {node['array']!r} must be {node['dtype']}{node['shape']}, got {got}.")
    return jnp.asarray(array) if node["library"] == "jax" else array


def _restore_fields(found: type, fields: dict[str, Any]) -> Any:
    if issubclass(found, tuple) and set(getattr(found, "_fields", ())) == set(fields):
        return found(**fields)
    if not issubclass(found, eqx.Module) or not set(fields) <= {field.name for field in dataclasses.fields(found)}:
        raise ArtifactError(f"{found.__name__} doesn't have the fields {', '.join(fields)}.")
    thing = object.__new__(found)
    for name, value in fields.items():
        object.__setattr__(thing, name, value)
    return thing
