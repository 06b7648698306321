"""Pairs of clips in an archive, in the layouts that people store."""

from pathlib import Path

import jax
import numpy as np
import pytest

from ilkit.comparisons.npz import NPZ, comparisons
from ilkit.data.preferences import Preferences
from ilkit.data.spaces import Discrete
from ilkit.errors import DataError
from ilkit.testing import problems

KEY = jax.random.key(0)
ENV = problems.environment("continuous")


def arrays(pairs: int = 12, time: int = 3, observed: int = 3) -> dict[str, np.ndarray]:
    """Observations and actions that tell the pair, 100 more in the second clip."""
    made = {}
    for side, more in (("", 0), ("_2", 100)):
        rows = np.arange(pairs, dtype=np.float64)[:, None, None] + more
        made[f"observations{side}"] = rows + np.zeros((1, observed, 2))
        made[f"actions{side}"] = rows / 1000 + np.zeros((1, time, 2))
    return made


def read(folder: Path, stored: dict[str, np.ndarray], env=None, **settings) -> Preferences:
    np.savez(folder / "pairs.npz", **stored)
    return comparisons(NPZ(path=folder / "pairs.npz", **settings), env, key=KEY)


def first_share(made: Preferences) -> dict[int, float]:
    """Pair by pair, the probability of what was stored as the first clip."""
    starts = made.first.before(made.first.starts)[:, 0]
    shares = np.where(starts < 100, made.probability, 1 - made.probability)
    return dict(zip((starts % 100).astype(int).tolist(), shares.tolist(), strict=True))


def test_without_labels_the_first_is_the_winner_and_the_order_is_drawn(tmp_path: Path) -> None:
    made = read(tmp_path, arrays(), labels=None)
    assert first_share(made) == dict.fromkeys(range(12), 1.0)
    assert {0.0, 1.0} == set(made.probability.tolist())
    assert (made.second.before(made.second.starts)[:, 0] % 100 == np.arange(12)).all()
    assert np.isnan(made.first.rewards).all()
    assert (made.first.lengths == 3).all()


@pytest.mark.parametrize(
    ("labels", "settings"),
    [
        (np.linspace(0, 1, 12), {}),
        (np.linspace(1, 0, 12)[:, None], {"label": "second"}),
        (np.stack([np.linspace(0, 1, 12), np.linspace(1, 0, 12)], axis=1), {}),
    ],
)
def test_labels_of_one_column_or_two(tmp_path: Path, labels: np.ndarray, settings: dict) -> None:
    made = read(tmp_path, arrays() | {"labels": labels}, **settings)
    np.testing.assert_allclose(list(first_share(made).values()), np.linspace(0, 1, 12), atol=1e-6)


def test_answers_of_another_name_are_not_passed_over(tmp_path: Path) -> None:
    stored = arrays() | {"label": np.linspace(0, 1, 12)}
    with pytest.raises(DataError, match=r"no array of answers 'labels'.*null.*nothing reads: There are label\.$"):
        read(tmp_path, stored)
    assert first_share(read(tmp_path, stored, labels="label"))[11] == 1.0


def test_lengths_rewards_and_the_last_observation(tmp_path: Path) -> None:
    stored = arrays(observed=4) | {
        "lengths": np.arange(12) % 3 + 1,
        "rewards": np.ones((12, 3)),
        "rewards_2": np.zeros((12, 3)),
    }
    made = read(tmp_path, stored, labels=None)
    chosen = made.chosen()
    assert chosen.lengths.tolist() == (np.arange(12) % 3 + 1).tolist()
    assert (made.rejected().lengths == 3).all()
    assert chosen.returns.tolist() == (np.arange(12) % 3 + 1).tolist()
    dropped = read(tmp_path, arrays(), labels=None, final_obs="drop")
    assert (dropped.first.lengths == 2).all()


def test_the_environment_says_what_the_numbers_are(tmp_path: Path) -> None:
    stored = arrays()
    made = read(tmp_path, stored, ENV, labels=None)
    assert made.first.spaces == ENV().spaces
    choices = {
        name: column[..., 0].astype(np.int64) % 3 if "act" in name else column for name, column in stored.items()
    }
    assert read(tmp_path, choices, problems.environment("discrete"), labels=None).first.spaces.action == Discrete(
        size=3
    )
    with pytest.raises(DataError, match="must fit the environment"):
        read(tmp_path, {name: column[..., :1] for name, column in stored.items()}, ENV, labels=None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lengths": np.r_[0, np.full(11, 3)]}, "lengths must be from 1 to 3.*got 0 in pair 0.*empty clip"),
        ({"lengths": np.full(12, 4)}, "got 4 in pair 0"),
        ({"lengths": np.full(12, 1.5)}, "must be 12 whole numbers"),
        ({"labels": np.full(12, 1.5)}, r"must be in \[0, 1\], got 1.5"),
        ({"labels": np.full(7, 1.0)}, "one answer for each of 12 pairs"),
        ({"labels": np.full(12, 0.5)}, "All 12 answers are ties"),
        ({"labels": np.ones((12, 2))}, "must sum to 1, got"),
        ({"actions_2": np.zeros((7, 3, 2)), "observations_2": np.zeros((7, 3, 2))}, "a second clip for each of 12"),
        ({"observations": np.zeros((11, 3, 2))}, "an axis of pairs and then one of steps"),
        ({"observations": np.full((12, 3, 2), np.nan)}, "must be finite"),
        ({"observations_2": np.zeros((12, 3, 5))}, "must be like those of"),
    ],
)
def test_what_is_no_pair_is_refused(tmp_path: Path, change: dict, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(tmp_path, arrays() | change, labels="labels" if "labels" in change else None)


def test_an_action_that_can_not_be_done_is_refused_with_its_pair(tmp_path: Path) -> None:
    stored = arrays() | {"labels": np.linspace(0, 1, 12)}
    assert read(tmp_path, stored, ENV).num_pairs == 12
    low, high = (float(end[1]) for end in ENV().spaces.action.bounds)
    stored["actions_2"][5, 2, 1] = high * (1 + 1e-6)  # rounding
    assert read(tmp_path, stored, ENV).num_pairs == 12
    stored["actions_2"][5, 2, 1] = low - 1
    said = (
        rf"bounds of the environment, {low:g} to {high:g}, got {low - 1:g} in clip 2 of pair 5, step 2, entry 1\. Clip"
    )
    with pytest.raises(DataError, match=said):
        read(tmp_path, stored, ENV)
    assert read(tmp_path, stored).num_pairs == 12  # without an environment nobody knows
