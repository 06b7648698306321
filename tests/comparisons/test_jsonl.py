"""Texts become bags of words, and which of two was chosen is kept whatever their order."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

from ilkit.comparisons.jsonl import JSONL, comparisons, place_of
from ilkit.data.preferences import Preferences
from ilkit.errors import DataError

KEY = jax.random.key(0)


def read(folder: Path, lines: list[object], **settings) -> Preferences:
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return comparisons(JSONL(path=path, num_words=64, **settings), key=KEY)


def bag(*words: str) -> np.ndarray:
    return np.log1p(np.bincount([place_of(word, 64) for word in words], minlength=64)).astype(np.float32)


def test_an_answer_is_the_action_to_what_was_asked(tmp_path: Path) -> None:
    line = {"chosen": "Human: hi. Assistant: Hello, hello you!", "rejected": "Human: hi. Assistant: Help"}
    made = read(tmp_path, [line] * 9)
    better, worse = made.chosen(), made.rejected()
    asked = bag("human", "hi", "assistant")  # both begin with "Hel", in the middle of a word
    np.testing.assert_array_equal(better.before(), np.tile(asked, (9, 1)))
    np.testing.assert_array_equal(better.actions, np.tile(bag("hello", "hello", "you"), (9, 1)))
    np.testing.assert_array_equal(worse.actions, np.tile(bag("help"), (9, 1)))
    np.testing.assert_array_equal(worse.after(), np.tile(bag("human", "hi", "assistant", "help"), (9, 1)))
    assert {0.0, 1.0} == set(made.probability.tolist())
    assert better.terminated.all()


def test_a_prompt_and_messages_are_read_and_equal_texts_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [{"role": "assistant", "content": "yes"}, {"role": "assistant", "content": "sure"}]
    lines = [{"question": "why", "good": messages, "bad": "yes no"}, {"question": "who", "good": "me", "bad": "me"}]
    made = read(tmp_path, lines, prompt="question", chosen="good", rejected="bad")
    assert made.num_pairs == 1
    np.testing.assert_array_equal(made.chosen().actions[0], bag("yes", "sure"))
    np.testing.assert_array_equal(made.rejected().before()[0], bag("why"))
    assert "1 pair of equal texts" in caplog.text


def test_the_first_pairs_can_be_taken_alone(tmp_path: Path) -> None:
    lines = [{"chosen": f"a {number}", "rejected": "b"} for number in range(5)]
    few, all_of_them = read(tmp_path, lines, max_pairs=3), read(tmp_path, lines)
    np.testing.assert_array_equal(few.first.actions, all_of_them.first.actions[:3])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"chosen": "a", "rejected": "b"}, '{"chosen": "a", "rej'], r"line 2: must be JSON, got .*Is the file whole"),
        (["[1, 2]"], "line 1: must be a mapping, got list"),
        ([{"chosen": "a"}], "line 1: rejected must be text, or messages"),
        ([{"chosen": [{"content": 3}], "rejected": "b"}], "line 1: chosen must be text"),
        ([{"chosen": "a", "rejected": "a"}], "at least one pair of different texts"),
        ([], "at least one pair of different texts"),
    ],
)
def test_what_is_no_pair_is_refused_with_its_line(tmp_path: Path, lines: list[object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(tmp_path, lines)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no"):
        comparisons(JSONL(path=tmp_path / "none.jsonl"), key=KEY)
