from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilkit.curating.editing import Criteria, episode_numbers, keep, merge, split
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.errors import DataError

pytestmark = pytest.mark.bits

Episode = tuple[bytes, bytes, bytes, bool, bool]


def numbered(lengths: list[int], *, discrete: bool = False, rewards: bool = True) -> Demonstrations:
    """Episodes whose every row tells which episode it is of."""
    steps, which = sum(lengths), np.arange(len(lengths))
    obs = np.stack([np.repeat(which, np.asarray(lengths) + 1), np.arange(steps + len(lengths))], axis=1)
    actions = np.repeat(which, lengths)
    box = Box.symmetric((np.inf,))
    return Demonstrations(
        obs.astype(np.float32),
        (actions % 3).astype(np.int32) if discrete else actions[:, None].astype(np.float32),
        (actions if rewards else np.full(steps, np.nan)).astype(np.float32),
        which % 2 == 0,
        which % 2 == 1,
        np.asarray(lengths, np.int32),
        spaces=Spaces(observation=Box.symmetric((np.inf,) * 2), action=Discrete(size=3) if discrete else box),
    )


def episodes_of(demos: Demonstrations) -> list[Episode]:
    steps, found = 0, []
    for number, length in enumerate(demos.lengths.tolist()):
        obs = demos.obs[steps + number : steps + number + length + 1]
        rows = (obs, demos.actions[steps : steps + length], demos.rewards[steps : steps + length])
        ends = bool(demos.terminated[number]), bool(demos.truncated[number])
        found.append((*(one.tobytes() for one in rows), *ends))
        steps += length
    return found


lengths_lists = st.lists(st.integers(1, 9), min_size=3, max_size=30)


@given(lengths=lengths_lists, share=st.integers(1, 9), seed=st.integers(0, 99), discrete=st.booleans())
def test_split_then_merged_are_the_same_episodes(lengths: list[int], share: int, seed: int, discrete: bool) -> None:
    demos = numbered(lengths, discrete=discrete)
    fractions = {"a": share / 10, "b": 1 - share / 10}
    if min(fractions.values()) * len(lengths) < 1:
        return  # a part may be empty, which is refused
    parts = split(demos, fractions, seed)
    for name, part in parts.items():
        assert abs(part.num_episodes - fractions[name] * len(lengths)) < 1
        order = part.obs[:, 1]
        assert (np.diff(order) > 0).all(), "parts keep the order of the data"
    assert Counter(episodes_of(merge(parts))) == Counter(episodes_of(demos))
    again = split(demos, fractions, seed)
    assert all(episodes_of(again[name]) == episodes_of(parts[name]) for name in parts)


@given(lengths=lengths_lists, data=st.data())
def test_taken_episodes_are_those_asked_for_in_their_order(lengths: list[int], data: st.DataObject) -> None:
    demos = numbered(lengths)
    chosen = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, unique=True))
    every = episodes_of(demos)
    assert episodes_of(demos.take(np.asarray(chosen))) == [every[one] for one in chosen]


@given(lengths=lengths_lists, low=st.integers(1, 9), width=st.integers(0, 8), worth=st.integers(0, 100))
def test_kept_are_exactly_those_that_meet_all_criteria(lengths: list[int], low: int, width: int, worth: int) -> None:
    demos = numbered(lengths)
    criteria = Criteria(min_length=low, max_length=low + width, max_return=float(worth), terminated=True)
    wanted = [
        episode
        for number, episode in enumerate(episodes_of(demos))
        if low <= lengths[number] <= low + width and number * lengths[number] <= worth and number % 2 == 0
    ]
    if wanted:
        assert episodes_of(keep(demos, criteria)) == wanted
    else:
        with pytest.raises(DataError, match="is left"):
            keep(demos, criteria)


def test_another_seed_splits_otherwise() -> None:
    demos = numbered([2] * 40)
    halves = [episodes_of(split(demos, {"a": 0.5, "b": 0.5}, seed)["a"]) for seed in (0, 1)]
    assert halves[0] != halves[1]


@pytest.mark.parametrize("fractions", [{"a": 0.5, "b": 0.4}, {"a": 1.5, "b": -0.5}, {"a": 0.9, "b": 0.2}])
def test_fractions_have_the_sum_one(fractions: dict[str, float]) -> None:
    with pytest.raises(DataError, match="with the sum 1"):
        split(numbered([2] * 10), fractions)


def test_thirds_are_rounded_to_whole_episodes() -> None:
    parts = split(numbered([2] * 10), {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    assert sorted(part.num_episodes for part in parts.values()) == [3, 3, 4]


def test_a_part_without_episodes_is_refused() -> None:
    with pytest.raises(DataError, match="b would get none of 3 episodes"):
        split(numbered([2] * 3), {"a": 0.99, "b": 0.01})


def test_only_what_has_the_same_spaces_is_merged() -> None:
    one, other = numbered([2]), numbered([2], discrete=True)
    with pytest.raises(DataError, match="The action space of other must be that of one"):
        merge({"one": one, "other": other})


def test_returns_that_are_unknown_are_no_criterion() -> None:
    with pytest.raises(DataError, match="no rewards were recorded"):
        keep(numbered([2, 2], rewards=False), Criteria(min_return=0.0))


def test_episodes_that_are_not_there_are_refused() -> None:
    with pytest.raises(DataError, match="from 0 to 1, got 2"):
        keep(numbered([2, 2]), Criteria(episodes=(0, 2)))


def test_a_list_of_numbers_and_ranges() -> None:
    assert episode_numbers("0,3, 7-9") == (0, 3, 7, 8, 9)
    for wrong in ("", "3-1", "a", "1,,2", "-1", "1-2-3", "0-999999999"):
        with pytest.raises(DataError, match="numbers and ranges"):
            episode_numbers(wrong)
