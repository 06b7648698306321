"""Damaged files: whatever bytes are changed or cut off, the outcome is demonstrations or an error that explains."""

import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilkit.data.demonstrations import Demonstrations
from ilkit.errors import DataError
from tests.format.formats import FORMATS, demonstrations, imported, written

OURS = (AssertionError, AttributeError, NameError, UnboundLocalError)
"""What only a mistake in ilkit raises; a parser has no reason to."""

changes = st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=8)


@cache
def original(kind: str) -> dict[str, bytes]:
    """The files of a small recording, by their paths."""
    with tempfile.TemporaryDirectory() as folder:
        path = written(kind, Path(folder), demonstrations(num_episodes=3))
        files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
        return {one.relative_to(folder).as_posix(): one.read_bytes() for one in files}


def read_altered(kind: str, altered: dict[str, bytes]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        for name, content in altered.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        demos = imported(kind, folder / "recording", **({} if kind in ("imitation", "minari") else SETTINGS))
        assert isinstance(demos, Demonstrations)
        assert demos.num_episodes > 0
        assert not np.isinf(demos.obs).any()
    except DataError as error:
        cause = error.__cause__
        assert not isinstance(cause, OURS), cause
        assert not type(cause).__module__.startswith(("beartype", "jaxtyping")), cause
    finally:
        shutil.rmtree(folder)


SETTINGS = {"final_obs": "repeat"}


@pytest.mark.parametrize("kind", sorted(FORMATS))
@given(data=st.data())
def test_changed_bytes(kind: str, data: st.DataObject) -> None:
    files = dict(original(kind))
    name = data.draw(st.sampled_from(sorted(files)))
    content = bytearray(files[name])
    for position, value in data.draw(changes):
        content[position % len(content)] = value
    read_altered(kind, files | {name: bytes(content)})


@pytest.mark.parametrize("kind", sorted(FORMATS))
@given(data=st.data())
def test_truncated_files(kind: str, data: st.DataObject) -> None:
    files = dict(original(kind))
    name = data.draw(st.sampled_from(sorted(files)))
    length = data.draw(st.integers(0, len(files[name]) - 1))
    read_altered(kind, files | {name: files[name][:length]})


@pytest.mark.parametrize("kind", sorted(FORMATS))
@given(data=st.data())
def test_missing_files(kind: str, data: st.DataObject) -> None:
    files = dict(original(kind))
    del files[data.draw(st.sampled_from(sorted(files)))]
    read_altered(kind, files)


@pytest.mark.parametrize("kind", sorted(FORMATS))
@given(content=st.binary(max_size=64))
def test_other_bytes(kind: str, content: bytes) -> None:
    read_altered(kind, dict.fromkeys(original(kind), content))
