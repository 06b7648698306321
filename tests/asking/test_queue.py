"""A person's answers are looked up by what the clips show; what is wrong in the table is named with its line."""

from pathlib import Path

import jax
import numpy as np
import pytest

from ilkit.asking.queue import COLUMNS, names_of, read_answers
from ilkit.errors import DataError
from ilkit.testing import problems, stand_ins

PAIRS = stand_ins.preferences(problems.environment("continuous")(), 3)
NAMES = names_of(PAIRS.first, PAIRS.second)


def table(folder: Path, *lines: str, head: str = ",".join(COLUMNS)) -> None:
    for name in NAMES:
        (folder / f"{name}.png").write_bytes(b"")
    (folder / "answers.csv").write_text("\n".join([head, *lines]))


def line(name: str, preferred: str) -> str:
    return f"{name},{name}.png,{preferred}"


def test_a_name_is_that_of_two_clips_in_their_order() -> None:
    assert len(set(NAMES)) == 3
    assert names_of(PAIRS.first.take(np.asarray([1])), PAIRS.second.take(np.asarray([1]))) == [NAMES[1]]
    assert not set(names_of(PAIRS.second, PAIRS.first)) & set(NAMES)
    changed = jax.tree.map(lambda rows: rows + 1, PAIRS.first.obs)
    assert names_of(problems.demonstrations(3, "continuous"), PAIRS.second) != NAMES
    assert changed.shape == PAIRS.first.obs.shape


def test_what_was_filled_in_is_read_and_the_rest_is_open(tmp_path: Path) -> None:
    assert read_answers(tmp_path / "nobody") == {}
    table(tmp_path, line(NAMES[0], " First "), line(NAMES[1], ""), line(NAMES[2], "skip"))
    assert read_answers(tmp_path) == {NAMES[0]: (1.0, True), NAMES[2]: (0.5, False)}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([line(NAMES[0], "first"), f"{NAMES[1]},{NAMES[1]}.p"], "line 3: must have 3 columns: it is half-written"),
        ([line(NAMES[0], "first"), NAMES[1]], "line 3: must have 3 columns"),
        ([line(NAMES[0], "first") + ",more"], "line 2: must have 3 columns"),
        ([line(NAMES[0], "first"), line(NAMES[0], "second")], "was answered in line 2 already"),
        ([line("0123456789ab", "first")], "line 2: nobody was asked about 0123456789ab"),
        ([f"{NAMES[0]},{NAMES[1]}.png,tie"], "nobody was asked about"),
        ([line(NAMES[0], "fir")], "must be first, second, tie or skip, or empty as yet, got 'fir'"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, lines: list[str], said: str) -> None:
    table(tmp_path, *lines)
    with pytest.raises(DataError, match=said):
        read_answers(tmp_path)


def test_a_table_without_its_head_is_refused(tmp_path: Path) -> None:
    table(tmp_path, head="pair,preferred")
    with pytest.raises(DataError, match="must begin with a line `pair,clips,preferred`"):
        read_answers(tmp_path)
