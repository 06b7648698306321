"""The descriptions that stand beside recordings."""

import json
from pathlib import Path
from typing import Any

from ilkit.errors import DataError

_LARGEST = 64 * 2**20


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON mapping.

    **Raises:** `DataError` where it is missing, too large (64 MiB), no JSON, or no mapping.
    """
    if not path.is_file():
        raise DataError(f"There is no {path}. Is the recording whole, and of this format?")
    if path.stat().st_size > _LARGEST:
        raise DataError(f"{path} must be a description of at most {_LARGEST} bytes, got {path.stat().st_size}.")
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} must be JSON: {error}.") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} must be a mapping, got {type(found).__name__}.")
    return found
