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
from ilkit.testing import problems

ENV = problems.environment("continuous")()
PAIRS = problems.preferences(ENV, 5)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_a_clip_moves_where_the_environment_can_draw_what_was_observed() -> None:
    clip = PAIRS.first.take(np.asarray([0]))
    picture = picture_of(clip, ENV)
    assert picture.form == "gif"
    assert opened(picture.content).n_frames == clip.num_obs
    assert picture_of(clip, ENV).content == picture.content


def test_a_clip_is_lines_where_nothing_draws_it() -> None:
    clip = PAIRS.first.take(np.asarray([0]))
    picture = picture_of(clip, None)
    assert picture.form == "png"
    assert opened(picture.content).format == "PNG"
    assert picture_of(clip, None).content == picture.content


def test_clips_in_which_nothing_moves_tell_what_was_done() -> None:
    world = bandit.env(bandit.Bandit(num_arms=3, context_size=2))
    ends, context = np.asarray([True]), np.ones((2, 2), np.float32)
    pictures = [
        picture_of(
            Demonstrations(
                obs=context,
                actions=np.asarray([arm], np.int32),
                rewards=np.zeros(1, np.float32),
                terminated=ends,
                truncated=~ends,
                lengths=np.asarray([1], np.int32),
                spaces=world.spaces,
            ),
            world,
        )
        for arm in (0, 2)
    ]
    assert [picture.form for picture in pictures] == ["png", "png"]
    assert pictures[0].content != pictures[1].content


def test_pictures_that_were_observed_are_shown_as_they_are() -> None:
    space = Box(shape=(2, 3, 1), low=0, high=255, dtype="uint8")
    pixels = np.zeros((3, 2, 3, 1), np.uint8)
    pixels[1] = 255
    ends = np.asarray([True])
    spaces = Spaces(observation=space, action=Box.symmetric((1.0,)))
    zeros = np.zeros((2, 1), np.float32)
    clip = Demonstrations(pixels, zeros, zeros[:, 0], ends, ~ends, np.asarray([2], np.int32), spaces=spaces)
    picture = opened(picture_of(clip, None).content)
    assert (picture.n_frames, picture.size) == (3, (180, 120))


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
    assert section.body.count("data:image/gif") == 10
    for said in ("first", "second", "tie", "first by 80 %", "return 2"):
        assert said in section.body
    assert section.caption == "5 of 5 pairs, 20 % of them ties; 75 % of those that prefer one prefer the larger return."
    few = answers_section("asked", show_answers(PAIRS, None, most=2))
    assert few.body.count("data:image/png") == 4
