"""Goals in hindsight: how far ahead they lie, and that a window asks for what its episode achieved."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import ACHIEVED, DESIRED, STEPS_LEFT, goal_faults
from ilkit.data.normalizer import Normalizer, RelativeGoals
from ilkit.data.spaces import Box, Dict, Discrete, Spaces
from ilkit.fitting.goals import (
    Hindsight,
    distance,
    draw_offset,
    reached,
    relative_faults,
    warn_of_single_steps,
    with_goal,
)

KEY = jax.random.key(0)
DRAWS = 1_000_000


def share_of(strategy: str, ahead: int, discount: float) -> np.ndarray:
    """The closed form of the probability of each offset from 1 to `ahead`."""
    offsets = np.arange(1, ahead + 1)
    if strategy == "uniform":
        return np.full(ahead, 1 / ahead)
    if strategy == "geometric":
        return discount ** (offsets - 1) * (1 - discount) / (1 - discount**ahead)
    if strategy == "final":
        return (offsets == ahead).astype(float)
    if strategy == "rounded_uniform":
        shares = np.full(ahead, 1 / (ahead - 1))
        shares[[0, -1]] /= 2
        return shares
    shares = discount ** (offsets - 1) * (1 - discount)
    shares[-1] = discount ** (ahead - 1)
    return shares


@pytest.mark.parametrize("ahead", [2, 50, 700])
@pytest.mark.parametrize(
    ("strategy", "discount"),
    [("uniform", 0.9), ("geometric", 0.9), ("geometric", 0.99), ("rounded_uniform", 0.9), ("clipped_geometric", 0.99)],
)
def test_offsets_have_the_closed_form_of_their_strategy(strategy: Any, discount: float, ahead: int) -> None:
    draw = jax.jit(lambda key: draw_offset(strategy, jnp.full(DRAWS, ahead, jnp.int32), discount, key=key))
    drawn = np.asarray(draw(jax.random.key(ahead)))
    assert drawn.min() >= 1
    assert drawn.max() <= ahead
    counts = np.bincount(drawn, minlength=ahead + 1)[1:]
    expected = DRAWS * share_of(strategy, ahead, discount)
    often = expected >= 20  # of what is as rare as that, the tail in one
    pooled = [np.append(rows[often], rows[~often].sum()) for rows in (counts, expected)]
    pooled = [rows[pooled[1] > 0] for rows in pooled]
    assert chisquare(*pooled).pvalue > 1e-3
    assert counts[0] > 0  # an offset of 1, and of all that are left, are drawn where they can be
    assert (counts[-1] > 0) == (expected[-1] > 0.5)


def test_the_final_goal_is_the_last_one_and_one_step_leaves_no_choice() -> None:
    ahead = jnp.asarray([1, 5, 9])
    np.testing.assert_array_equal(draw_offset("final", ahead, 0.9, key=KEY), ahead)
    for strategy in ("uniform", "geometric", "rounded_uniform", "clipped_geometric"):
        drawn = draw_offset(strategy, jnp.ones(1000, jnp.int32), 0.9, key=KEY)
        np.testing.assert_array_equal(drawn, 1)


def walks(lengths: list[int], max_steps: int = 8) -> Demonstrations:
    """Episodes whose i-th observation of episode e is the point (e, i), with a goal that nobody reaches."""
    points = [(episode, step) for episode, length in enumerate(lengths) for step in range(length + 1)]
    achieved = np.asarray(points, np.float32)
    box, share = Box(low=(-np.inf,) * 2, high=(np.inf,) * 2), Box(shape=(1,), low=0.0, high=1.0)
    steps, count = sum(lengths), len(lengths)
    entries = (("observation", box), (ACHIEVED, box), (DESIRED, box), (STEPS_LEFT, share))
    obs = {
        "observation": achieved,
        ACHIEVED: achieved,
        DESIRED: np.full_like(achieved, -7.0),
        STEPS_LEFT: 1.0 - achieved[:, 1:] / max_steps,
    }
    return Demonstrations(
        obs=obs,
        actions=np.arange(steps, dtype=np.int32),
        rewards=np.zeros(steps, np.float32),
        terminated=np.zeros(count, bool),
        truncated=np.ones(count, bool),
        lengths=np.asarray(lengths, np.int32),
        spaces=Spaces(observation=Dict(entries=entries), action=Discrete(size=steps)),
    )


def hindsight(demos: Demonstrations, **settings: Any) -> tuple[Hindsight, Any]:
    rows = demos.transitions()
    return Hindsight.of(rows, settings.pop("strategy", "uniform"), 8, **settings), rows


@pytest.mark.parametrize(("past", "ahead"), [(0, 0), (2, 0), (0, 2)])
def test_a_window_has_one_goal_which_its_episode_achieved_after_the_last_step(past: int, ahead: int) -> None:
    lengths = [5, 1, 8]
    draws, rows = hindsight(walks(lengths))
    chosen = jnp.asarray(np.tile(np.arange(14), 200), jnp.int32)
    window = jax.jit(lambda key: draws.windows(rows, chosen, past, ahead, key=key))(KEY)
    goal, here = np.asarray(window.obs[DESIRED]), np.asarray(window.obs["observation"])
    assert (goal == goal[:, :1]).all()
    episode, step = here[:, past].T
    last = np.asarray(lengths)[episode.astype(int)]
    np.testing.assert_array_equal(goal[:, 0, 0], episode)
    seen = np.minimum(step + ahead, last - 1)
    assert (goal[:, 0, 1] > seen).all()
    assert (goal[:, 0, 1] <= last).all()
    for number, length in enumerate(lengths):  # the last observation of each episode is drawn, too
        assert goal[episode == number, 0, 1].max() == length
    left = (goal[..., 1] - here[..., 1]) / 8
    mask = np.asarray(window.mask)
    np.testing.assert_allclose(np.asarray(window.obs[STEPS_LEFT])[mask][:, 0], left[mask], atol=1e-6)


def test_shares_are_those_of_goals_here_ahead_and_elsewhere() -> None:
    draws, rows = hindsight(walks([5, 4, 8]), current=0.2, other=0.3)
    chosen = jnp.full(100_000, 6, jnp.int32)  # the second step of the second episode
    window = draws.windows(rows, chosen, 0, 0, key=KEY)
    goal = np.asarray(window.obs[DESIRED])[:, 0]
    here = (goal == [1.0, 1.0]).all(axis=1)
    other = goal[:, 0] != 1.0
    assert np.mean(here) == pytest.approx(0.2, abs=0.01)
    assert np.mean(other) == pytest.approx(0.3, abs=0.01)
    assert (goal[~here & ~other, 1] > 1).all()
    found, counts = np.unique(goal[other], axis=0, return_counts=True)
    assert len(found) == 5 + 8  # all that another episode's actions led to
    assert chisquare(counts).pvalue > 1e-3


def test_no_goal_lies_beyond_the_horizon() -> None:
    draws, rows = hindsight(walks([8]), horizon=3)
    chosen = jnp.asarray(np.tile(np.arange(8), 100), jnp.int32)
    window = draws.windows(rows, chosen, 0, 0, key=KEY)
    away = np.asarray(window.obs[DESIRED] - window.obs[ACHIEVED])[:, 0, 1]
    assert set(away) == {1.0, 2.0, 3.0}


def test_a_goal_is_reached_within_the_tolerance() -> None:
    here, there = jnp.zeros(2), jnp.asarray([3.0, 4.0])
    assert float(distance(here, there)) == 5.0
    assert bool(reached(here, there, 5.0))
    assert not bool(reached(here, there, 4.99))
    assert bool(reached(jnp.asarray(3), jnp.asarray(3), 0.0))
    assert not bool(reached(jnp.asarray(3), jnp.asarray(4), 0.0))


def test_an_observation_asks_for_the_goal_that_it_is_given() -> None:
    obs = {"observation": jnp.zeros((4, 2)), ACHIEVED: jnp.zeros((4, 2)), DESIRED: jnp.zeros((4, 2))}
    asked = with_goal(obs, jnp.asarray([1.0, 2.0]), jnp.ones(4))
    np.testing.assert_array_equal(asked[DESIRED], [[1.0, 2.0]] * 4)
    assert STEPS_LEFT not in asked
    shown = with_goal({**obs, STEPS_LEFT: jnp.zeros((4, 1))}, jnp.ones((4, 2)), jnp.arange(4.0))
    np.testing.assert_array_equal(shown[STEPS_LEFT][:, 0], [0.0, 1.0, 2.0, 3.0])


def test_goals_have_the_statistics_of_what_was_achieved() -> None:
    demos = walks([5, 1, 8])
    rows = demos.transitions()
    fitted = Normalizer.fit_rows(rows.before, rows.valid)
    for statistics in (fitted.mean, fitted.std):
        np.testing.assert_array_equal(statistics[DESIRED], statistics[ACHIEVED])
    np.testing.assert_allclose(fitted.mean[ACHIEVED], demos.before()[ACHIEVED].mean(axis=0), rtol=1e-6)


def test_a_relative_goal_is_the_way_there_on_its_own_scale() -> None:
    demos = walks([8, 8])
    rows = demos.transitions()
    draws = Hindsight.of(rows, "final", 8)
    relative = draws.with_ways(Normalizer.fit_rows(rows.before, rows.valid), rows, key=KEY)
    assert isinstance(relative, RelativeGoals)
    ways = np.concatenate([np.arange(8, 0, -1)] * 2)
    np.testing.assert_allclose(relative.goal_scale, [1.0, np.sqrt(np.mean(ways**2))], rtol=1e-6)
    obs = {name: jnp.asarray(column[0]) for name, column in demos.obs.items()} | {DESIRED: jnp.asarray([0.0, 4.0])}
    np.testing.assert_allclose(relative(obs)[DESIRED], [0.0, 4.0 / relative.goal_scale[1]], rtol=1e-6)


def test_a_goal_a_few_steps_ahead_is_seen_as_the_way_there_and_not_on_the_scale_of_the_map() -> None:
    demos = walks([200, 200])
    rows = demos.transitions()
    plain = Normalizer.fit_rows(rows.before, rows.valid)
    relative = Hindsight.of(rows, "geometric", 8, discount=0.8).with_ways(plain, rows, key=KEY)
    obs = {name: jnp.asarray(column[100]) for name, column in demos.obs.items()}
    near, nearer = ({**obs, DESIRED: obs[ACHIEVED] + jnp.asarray([0.0, steps])} for steps in (4.0, 1.0))
    seen = [float((one(near)[DESIRED] - one(nearer)[DESIRED])[1]) for one in (plain, relative)]
    assert seen[0] < 0.06  # 3 of 200 steps, in standard deviations of where anybody was
    assert seen[1] > 0.4


def test_of_episodes_of_a_time_limit_the_final_state_is_one_goal_each() -> None:
    draws, rows = hindsight(walks([8, 8, 8]), strategy="final")
    chosen = jnp.asarray(np.tile(np.arange(24), 10), jnp.int32)
    goal = np.asarray(draws.windows(rows, chosen, 0, 0, key=KEY).obs[DESIRED])[:, 0]
    np.testing.assert_array_equal(np.unique(goal, axis=0), [(0.0, 8.0), (1.0, 8.0), (2.0, 8.0)])


def test_what_has_no_goals_says_who_has() -> None:
    box = Box.symmetric((1.0,))
    (fault,) = goal_faults(box)
    assert "point_room" in fault
    entries = (("observation", box), (ACHIEVED, box), (DESIRED, Box.symmetric((1.0, 1.0))))
    (fault,) = goal_faults(Dict(entries=entries))
    assert "box of size 1, got box of size 2" in fault


def test_of_pairs_of_times_all_are_alike_and_old_rows_are_left_out() -> None:
    draws, rows = hindsight(walks([5, 1, 8]))
    drawn = np.asarray(draws.rows(rows, 200_000, pairs=True, key=KEY))
    offsets = np.asarray(draws.draw(rows, jnp.asarray(drawn), 0, key=jax.random.key(1))[1])
    found, counts = np.unique(np.stack([drawn, offsets]), axis=1, return_counts=True)
    assert found.shape[1] == 15 + 1 + 36
    assert chisquare(counts).pvalue > 1e-3
    alike = np.asarray(draws.rows(rows, 100_000, pairs=False, latest=6, key=KEY))
    numbers, counts = np.unique(alike, return_counts=True)
    np.testing.assert_array_equal(numbers, range(8, 14))
    assert chisquare(counts).pvalue > 1e-3


def with_achieved(rows: np.ndarray, lengths: list[int]) -> Demonstrations:
    """Episodes of these lengths, which achieve these rows."""
    goal: Any = Discrete(size=3) if rows.ndim == 1 else Box(shape=(rows.shape[1],), low=0.0, high=9.0)
    steps, count = sum(lengths), len(lengths)
    flags, numbers = np.zeros(count, bool), np.zeros(steps, np.float32)
    return Demonstrations(
        obs={ACHIEVED: rows, DESIRED: rows},
        actions=np.zeros(steps, np.int32),
        rewards=numbers,
        terminated=flags,
        truncated=~flags,
        lengths=np.asarray(lengths, np.int32),
        spaces=Spaces(observation=Dict(entries={ACHIEVED: goal, DESIRED: goal}), action=Discrete(size=2)),
    )


ONE_HOT = np.eye(3, dtype=np.float32)[[0, 2, 1, 1, 0]]


@pytest.mark.parametrize(
    ("rows", "got"),
    [
        (ONE_HOT, "one-hot vectors"),
        (ONE_HOT.argmax(axis=1).astype(np.int32), "discrete of size 3"),
        (ONE_HOT * 2, None),
        (ONE_HOT[:, :2], None),
        (np.ones((5, 1), np.float32), None),
    ],
    ids=["one-hot", "discrete", "numbers", "flags", "single"],
)
def test_goals_that_can_not_be_subtracted_are_told(rows: np.ndarray, got: str | None) -> None:
    demos = with_achieved(rows, [2, 1])
    faults = list(relative_faults(demos.spaces.observation, demos.obs[ACHIEVED]))
    assert [fault.split(", got ")[1] for fault in faults] == ([] if got is None else [f"{got}. Set it to false."])


def test_episodes_of_one_step_alone_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="All of 2 episodes have one step, so that no goal is further than one step"):
        warn_of_single_steps(with_achieved(ONE_HOT[:4], [1, 1]))
    warn_of_single_steps(with_achieved(ONE_HOT, [1, 2]))
