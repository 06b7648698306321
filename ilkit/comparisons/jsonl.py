"""Answers in words of which one was chosen and one rejected, a line of JSON each, as bags of words.

A pair is a contextual bandit's: the observation says what was asked, the action what was answered, and the observation
after it what has been said in all. A word is counted at its place, which its letters alone decide (Weinberger et al.,
2009, feature hashing), so that other files have the same words at the same places.
"""

import json
import logging
import re
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float, PRNGKeyArray
from pydantic import PositiveInt

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.preferences import Preferences, shuffled
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError, counted
from ilkit.files.recording import reading
from ilkit.spec import Spec

_LOG = logging.getLogger("ilkit.comparisons")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


class JSONL(Spec):
    """Texts, of which one was chosen and one rejected, as bags of words."""

    kind: Literal["jsonl"] = "jsonl"
    path: Path = Path("comparisons.jsonl")
    """The file, from the folder of `params.yaml`: a line of JSON for each pair."""
    chosen: str = "chosen"
    """The name of the text that was preferred: text, or messages with their `content`."""
    rejected: str = "rejected"
    """The name of the other text."""
    prompt: str = "prompt"
    """The name of what was asked; where a line has none, it is what both texts begin with."""
    num_words: PositiveInt = 1024
    """The places for words: the smaller, the more words share one."""
    max_pairs: PositiveInt | None = None
    """How many pairs to take, from the first; all where none is given."""


class _Texts(NamedTuple):
    prompt: str
    chosen: str
    rejected: str


def comparisons(spec: JSONL, *, key: PRNGKeyArray) -> Preferences:
    """Reads the pairs; which text comes first is drawn.

    **Raises:** `DataError` where the file can't be read, a line isn't about two texts, or none is left.
    """
    texts = list(_texts(spec))
    differing = [one for one in texts if one.chosen != one.rejected][: spec.max_pairs]
    if len(differing) < len(texts) and spec.max_pairs is None:
        _LOG.warning(f"{spec.path}: {counted(len(texts) - len(differing), 'pair')} of equal texts are left out.")
    if not differing:
        raise DataError(f"{spec.path} must hold at least one pair of different texts, got none.")
    asked = _counts([one.prompt for one in differing], spec.num_words)
    chosen, rejected = (_counts([one[side] for one in differing], spec.num_words) for side in (1, 2))
    made = Preferences(_answers(asked, chosen), _answers(asked, rejected), np.ones(len(differing), np.float32))
    return shuffled(made, key=key)


def _answers(asked: Float[np.ndarray, "pairs words"], said: Float[np.ndarray, "pairs words"]) -> Demonstrations:
    """One step a pair, of logarithms of counts."""
    count, words = asked.shape
    obs = np.stack([np.log1p(asked), np.log1p(asked + said)], axis=1).reshape(2 * count, words)
    space = Box(shape=(words,), low=0.0, high=float("inf"))
    ends = np.ones(count, bool)
    return Demonstrations(
        obs=obs,
        actions=np.log1p(said),
        rewards=np.full(count, np.nan, np.float32),
        terminated=ends,
        truncated=~ends,
        lengths=np.ones(count, np.int32),
        spaces=Spaces(observation=space, action=space),
    )


def _counts(texts: list[str], num_words: int) -> Float[np.ndarray, "texts words"]:
    words = [_WORD.findall(text.lower()) for text in texts]
    spoken = list(chain.from_iterable(words))
    places = {word: place_of(word, num_words) for word in set(spoken)}
    rows = np.repeat(np.arange(len(texts)), [len(one) for one in words])
    flat = rows * num_words + np.fromiter(map(places.__getitem__, spoken), np.int64, len(spoken))
    counts = np.bincount(flat, minlength=len(texts) * num_words)
    return counts.reshape(len(texts), num_words).astype(np.float32)


def place_of(word: str, num_words: int) -> int:
    """Where a word is counted."""
    return zlib.crc32(word.encode()) % num_words


def _texts(spec: JSONL) -> Iterator[_Texts]:
    with reading(spec.path, "lines of JSON (.jsonl)"), spec.path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _pair(line, f"{spec.path}, line {number}:", spec)


def _pair(line: str, where: str, spec: JSONL) -> _Texts:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} must be JSON, got {line[:40]!r}: {error}. Is the file whole?") from error
    if not isinstance(found, dict):
        raise DataError(f"{where} must be a mapping, got {type(found).__name__}.")
    chosen, rejected = (_text(found, name, where) for name in (spec.chosen, spec.rejected))
    if found.get(spec.prompt) is not None:
        return _Texts(_text(found, spec.prompt, where), chosen, rejected)
    shared = _shared(chosen, rejected)
    return _Texts(chosen[:shared], chosen[shared:], rejected[shared:])


def _text(found: dict[str, Any], name: str, where: str) -> str:
    given = found.get(name)
    messages = given if isinstance(given, list) else [{"content": given}]
    contents = [str(one["content"]) for one in messages if isinstance(one, dict) and _has_text(one)]
    if not contents or len(contents) < len(messages):
        raise DataError(f"{where} {name} must be text, or messages with their content, got {str(given)[:40]!r}.")
    return "\n".join(contents)


def _has_text(message: dict[str, Any]) -> bool:
    return isinstance(message.get("content"), str)


def _shared(chosen: str, rejected: str) -> int:
    """How many letters both begin with, up to the end of a word."""
    most = min(len(chosen), len(rejected))
    codes = [np.frombuffer(text[:most].encode("utf-32-le", "surrogatepass"), np.uint32) for text in (chosen, rejected)]
    differ = np.flatnonzero(codes[0] != codes[1])
    end = int(differ[0]) if len(differ) else most
    while end and chosen[end - 1].isalnum() and any(text[end : end + 1].isalnum() for text in (chosen, rejected)):
        end -= 1
    return end
