"""Rows are copied whole, whether they are mapped or not."""

import mmap
from pathlib import Path

import numpy as np
import pytest

from ilkit.artifact import store
from ilkit.data import mapped
from ilkit.testing.problems import demonstrations


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_what_is_mapped_is_copied_and_stays_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(mapped, "_PIECE", 1 << 14)
    wanted = np.random.default_rng(0).normal(size=(5000, 3)).astype(np.float32)
    wanted.tofile(tmp_path / "rows")
    rows = np.asarray(np.memmap(tmp_path / "rows", np.uint8, mode=mode)).view(np.float32).reshape(5000, 3)
    if mode != "r":
        rows[7] = wanted[7] = 1.0  # what is written and not yet stored mustn't get lost
    for _ in range(2):
        copied = np.zeros((5000, 3), np.float32)
        mapped.copy_rows(rows, copied)
        np.testing.assert_array_equal(copied, wanted)
    np.testing.assert_array_equal(rows, wanted)


def test_the_arrays_of_an_artifact_are_mapped(tmp_path: Path) -> None:
    store.save(demonstrations(3, "continuous"), tmp_path / "demos")
    assert isinstance(mapped._mapping_of(store.load(tmp_path / "demos").obs), mmap.mmap)
    assert mapped._mapping_of(np.zeros(3)) is None
