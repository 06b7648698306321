"""Reading `params.yaml`, and its entries beside the blocks; without importing what a component imports."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ilkit.errors import ParamsError, nearest
from ilkit.registry.document import read_document

INSTRUCTION_SETS = ("avx2", "native")
"""`avx2` gives the same bytes on every x86-64 processor that has it; `native` takes whatever the processor has."""

SETTINGS = ("seed", "num_threads", "instruction_set")
"""The entries beside the blocks: the random seed, and what the bits depend on beside it."""

_RANGES = {"seed": (0, 2**32 - 1), "num_threads": (1, 1024)}

RawParams = Mapping[str, Any]


def read_params(path: Path) -> RawParams:
    """Reads a `params.yaml` as DVC does (YAML 1.2).

    **Raises:** `ParamsError` where it is missing, no YAML, or no mapping of names.
    """
    try:
        return read_document(path)
    except FileNotFoundError as error:
        raise ParamsError(
            f"There is no {path}. Go to the folder of a pipeline, or make one by `ilkit init`."
        ) from error


def setting(raw: RawParams, name: str) -> int:
    """The random seed or the number of threads.

    **Raises:** `ParamsError` where it is no whole number in range.
    """
    lowest, highest = _RANGES[name]
    value = raw.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise ParamsError(f"{name}: must be a whole number from {lowest} to {highest:,}, got {value!r}.")
    return value


def instruction_set(raw: RawParams) -> str:
    """The instructions that the processor may use, `avx2` where nothing is said.

    **Raises:** `ParamsError` where it is none of those known.
    """
    value = raw.get("instruction_set", INSTRUCTION_SETS[0])
    if value not in INSTRUCTION_SETS:
        raise ParamsError(
            f"instruction_set: must be {' or '.join(INSTRUCTION_SETS)}, got {value!r}. "
            f"{nearest(str(value), INSTRUCTION_SETS)}"
        )
    return str(value)
