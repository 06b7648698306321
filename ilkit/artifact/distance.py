"""How far two artifacts lie apart."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

_NUMBER = re.compile(r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?")


def distances(before: Path, again: Path) -> Iterator[tuple[float, str]]:
    """How far two artifacts lie apart: a share of the largest number, by array and by text; infinite without one."""
    names = {path.relative_to(one).as_posix() for one in (before, again) for path in one.rglob("*") if path.is_file()}
    for name in sorted(names):
        if not ((before / name).is_file() and (again / name).is_file()):
            yield math.inf, name
        elif name.endswith(".safetensors"):
            old, new = load_file(before / name), load_file(again / name)
            for array in sorted({*old, *new}):
                yield (_distance(old[array], new[array]) if array in old and array in new else math.inf), array
        else:
            yield _text_distance(*((one / name).read_text(encoding="utf-8") for one in (before, again))), name


def _distance(old: np.ndarray, new: np.ndarray) -> float:
    if old.shape != new.shape or old.dtype != new.dtype:
        return math.inf
    if np.array_equal(old, new, equal_nan=old.dtype.kind == "f"):
        return 0.0
    old, new = old.astype(np.float64), new.astype(np.float64)
    if not np.array_equal(np.isfinite(old), np.isfinite(new)):
        return math.inf
    finite = np.isfinite(old)
    return float(np.abs(old - new)[finite].max(initial=0.0) / max(np.abs(old[finite]).max(initial=0.0), 1e-30))


def _text_distance(old: str, new: str) -> float:
    if _NUMBER.sub("", old) != _NUMBER.sub("", new):
        return math.inf
    numbers = ([float(one.replace(",", "")) for one in _NUMBER.findall(text)] for text in (old, new))
    pairs = list(zip(*numbers, strict=True))
    return max((abs(a - b) / max(abs(a), abs(b)) for a, b in pairs if a != b), default=0.0)
