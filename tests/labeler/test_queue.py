"""A person answers between runs, and the queue goes on where it stopped."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.asking.queue import OpenQuestionsError
from ilkit.data.preferences import Preferences
from ilkit.errors import DataError
from ilkit.labeler.queue import Queue, labeler
from ilkit.running.questions import show
from ilkit.testing import problems, stand_ins

KEY = jax.random.key(0)
ENV = problems.environment("continuous")()
PAIRS = stand_ins.preferences(ENV, 4)


def asked(folder: Path, pairs: Preferences = PAIRS):
    numbers = np.arange(pairs.num_pairs)
    return labeler(Queue(folder=folder / "questions")).asked(pairs.first, pairs.second, numbers, key=KEY)


def shown(folder: Path, pairs: Preferences = PAIRS) -> OpenQuestionsError:
    with pytest.raises(OpenQuestionsError, match=r"waits? for an.*fill in the column preferred") as raised:
        asked(folder, pairs)
    show(raised.value, folder, ENV)
    return raised.value


def fill(folder: Path, *answers: str) -> None:
    """Appends the answers to the lines that have none, in their order."""
    path = folder / "questions" / "answers.csv"
    left, lines = list(answers), []
    for line in path.read_text().splitlines():
        lines.append(line + left.pop(0) if line.endswith(",") and left else line)
    path.write_text("\n".join(lines) + "\n")


def test_questions_are_shown_answered_and_asked_no_more(tmp_path: Path) -> None:
    first = shown(tmp_path)
    assert len(first.names) == 4
    pictures = sorted(path.name for path in (tmp_path / "questions").glob("*.gif"))
    assert pictures == sorted(f"{name}.gif" for name in first.names)
    fill(tmp_path, "second", "tie")
    assert len(shown(tmp_path).names) == 2
    fill(tmp_path, "first", "skip")
    answers = asked(tmp_path)
    assert answers.probability.tolist() == [0.0, 0.5, 1.0, 0.5]
    assert answers.answered.tolist() == [True, True, True, False]


def test_later_rounds_keep_what_was_answered(tmp_path: Path) -> None:
    shown(tmp_path, PAIRS.take(np.asarray([2, 3])))
    fill(tmp_path, "first", "second")
    later = shown(tmp_path)
    assert len(later.names) == 2
    fill(tmp_path, "first", "first")
    assert asked(tmp_path).probability.tolist() == [1.0, 1.0, 1.0, 0.0]
    assert len((tmp_path / "questions" / "answers.csv").read_text().splitlines()) == 5


def test_a_table_that_a_spreadsheet_has_saved_is_read_and_goes_on(tmp_path: Path) -> None:
    shown(tmp_path, PAIRS.take(np.asarray([2, 3])))
    fill(tmp_path, "first", "tie")
    path = tmp_path / "questions" / "answers.csv"
    path.write_text("\ufeff" + path.read_text().replace(",", ";"), encoding="utf-8", newline="\r\n")
    later = shown(tmp_path, PAIRS.take(np.asarray([1, 2, 3])))
    assert str(later).startswith("1 question waits for an answer. Look")
    assert path.read_text(encoding="utf-8-sig").splitlines()[-1].count(";") == 2
    path.write_text(path.read_text(encoding="utf-8") + "second\n", encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace(";\nsecond", ";second"), encoding="utf-8")
    assert asked(tmp_path, PAIRS.take(np.asarray([1, 2, 3]))).probability.tolist() == [0.0, 1.0, 0.5]


def test_nobody_answers_while_a_compiled_function_runs(tmp_path: Path) -> None:
    clips = PAIRS.pairs()
    (fault,) = Queue().input_faults({"labeler", "env", "reference"})
    assert "people answer between runs" in fault
    assert not list(Queue().input_faults({"labeler", "demos"}))
    person = labeler(Queue(folder=tmp_path))
    assert not person.needs_rewards
    with pytest.raises(DataError, match=r"Ask by stages\.prefer"):
        person.answers(clips.first, clips.second, jnp.arange(4), key=KEY)
