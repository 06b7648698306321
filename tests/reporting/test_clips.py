"""Clips are drawn as they moved, or as lines; what was said of pairs is told beside them."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.preferences import Preferences
from ilkit.data.spaces import Box, Spaces
from ilkit.env import bandit
from ilkit.reporting.clips import answers_section, picture_of, show_answers, told_metrics, told_of
from ilkit.testing import problems, stand_ins

ENV = problems.environment("continuous")()
PAIRS = stand_ins.preferences(ENV, 5)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def pair_of(number: int) -> tuple[Demonstrations, Demonstrations]:
    rows = np.asarray([number])
    return PAIRS.first.take(rows), PAIRS.second.take(rows)


def test_clips_move_side_by_side_with_their_names_and_pause_at_the_end_where_the_environment_draws_them() -> None:
    first, second = pair_of(0)
    picture = picture_of(first, second, ENV)
    assert picture.form == "gif"
    shown = opened(picture.content)
    assert shown.n_frames == max(first.num_obs, second.num_obs)
    assert shown.height > 240
    assert shown.width > 2 * 240
    head = np.asarray(shown.convert("L"))[:28]
    middle = head.shape[1] // 2
    assert (head[:, :middle] < 128).any()
    assert (head[:, middle:] < 128).any()
    shown.seek(shown.n_frames - 1)
    assert shown.info["duration"] >= 1000
    assert picture_of(first, second, ENV).content == picture.content


def test_the_shorter_of_two_clips_stays_where_it_ended() -> None:
    spaces = Spaces(observation=Box(shape=(2, 2, 1), low=0, high=255, dtype="uint8"), action=Box.symmetric((1.0,)))
    ends = np.asarray([True])

    def clip(*shades: int) -> Demonstrations:
        zeros, count = np.zeros((len(shades) - 1, 1), np.float32), np.asarray([len(shades) - 1], np.int32)
        pixels = np.broadcast_to(np.asarray(shades, np.uint8)[:, None, None, None], (len(shades), 2, 2, 1)).copy()
        return Demonstrations(pixels, zeros, zeros[:, 0], ends, ~ends, count, spaces=spaces)

    shown = opened(picture_of(clip(0, 100), clip(0, 80, 160, 240), None).content)
    seen = []
    for frame in range(shown.n_frames):
        shown.seek(frame)
        gray = np.asarray(shown.convert("L"))[-1]
        seen.append((int(gray[0]), int(gray[-1])))
    np.testing.assert_allclose(seen, [(0, 0), (100, 80), (100, 160), (100, 240)], atol=6)


def test_clips_are_lines_where_nothing_draws_them() -> None:
    picture = picture_of(*pair_of(0), None)
    assert picture.form == "png"
    assert opened(picture.content).format == "PNG"
    assert picture_of(*pair_of(0), None).content == picture.content


def test_clips_in_which_nothing_moves_tell_what_was_done() -> None:
    world = bandit.env(bandit.Bandit(num_arms=3, context_size=2))
    ends, context = np.asarray([True]), np.ones((2, 2), np.float32)
    clips = [
        Demonstrations(
            obs=context,
            actions=np.asarray([arm], np.int32),
            rewards=np.zeros(1, np.float32),
            terminated=ends,
            truncated=~ends,
            lengths=np.asarray([1], np.int32),
            spaces=world.spaces,
        )
        for arm in (0, 2)
    ]
    picture = picture_of(*clips, world)
    assert picture.form == "png"
    assert picture_of(*clips[::-1], world).content != picture.content


def test_pictures_that_were_observed_are_shown_as_they_are() -> None:
    space = Box(shape=(2, 3, 1), low=0, high=255, dtype="uint8")
    pixels = np.zeros((3, 2, 3, 1), np.uint8)
    pixels[1] = 255
    ends = np.asarray([True])
    spaces = Spaces(observation=space, action=Box.symmetric((1.0,)))
    zeros = np.zeros((2, 1), np.float32)
    clip = Demonstrations(pixels, zeros, zeros[:, 0], ends, ~ends, np.asarray([2], np.int32), spaces=spaces)
    picture = opened(picture_of(clip, clip, None).content)
    assert (picture.n_frames, picture.size) == (3, (2 * 360 + 16, 240 + 28))


def told(probability: list[float], first: list[float]) -> Preferences:
    made = PAIRS.take(np.arange(len(first)))
    rewards = [
        np.zeros(side.num_steps, np.float32) + np.float32(1.0) * side.at_last_step(np.asarray(returns, np.float32))
        for side, returns in ((made.first, first), (made.second, [1.0] * len(first)))
    ]
    sides = [
        dataclasses.replace(side, rewards=rows) for side, rows in zip((made.first, made.second), rewards, strict=True)
    ]
    return Preferences(*sides, np.asarray(probability, np.float32))


def test_ties_and_answers_that_follow_the_return_are_counted() -> None:
    assert told_of(told([1.0, 0.0, 0.5, 0.8, 0.0], [2.0, 2.0, 2.0, 3.0, 1.0])) == (5, 0.2, pytest.approx(2 / 3))
    unknown = told([1.0, 0.0], [np.nan, np.nan])
    assert told_of(unknown).follows_return is None
    assert told_metrics(told_of(unknown)) == {"pairs": 2, "ties": 0.0}


def test_the_section_shows_pairs_with_what_was_said() -> None:
    answers = show_answers(told([1.0, 0.0, 0.5, 0.8, 0.0], [2.0, 2.0, 2.0, 3.0, 0.0]), ENV, most=5)
    section = answers_section("asked", answers)
    assert section.title == "Answers: asked"
    assert section.body.count("data:image/gif") == 5
    for said in ("first", "second", "tie", "first by 80 %", "2 and 1"):
        assert said in section.body
    assert section.caption == "5 of 5 pairs, 20 % of them ties; 75 % of those that prefer one prefer the larger return."
    few = answers_section("asked", show_answers(PAIRS, None, most=2))
    assert few.body.count("data:image/png") == 2
