"""Archives with two leading axes: episodes and steps, or steps and environments."""

from pathlib import Path

import numpy as np
import pytest

from ilkit.errors import DataError
from tests.format.formats import imported

EPISODES, STEPS = 4, 6
Arrays = dict[str, np.ndarray]


def recorded() -> Arrays:
    """Episodes of equal length, (episodes, steps, …); each number says where it stands."""
    obs = np.add(np.arange(EPISODES * STEPS).reshape(EPISODES, STEPS, 1), [0.0, 100.0])
    return {"observations": obs, "actions": -obs[..., :1], "rewards": obs[..., 0]}


def ends() -> np.ndarray:
    return np.broadcast_to(np.arange(STEPS) == STEPS - 1, (EPISODES, STEPS)).copy()


def saved(folder: Path, arrays: Arrays, *, swapped: bool = False) -> Path:
    np.savez(folder / "a.npz", **{name: one.swapaxes(0, 1) if swapped else one for name, one in arrays.items()})
    return folder / "a.npz"


DECISIVE = {
    "truncations": {"truncations": ends()},
    "starts": {"episode_starts": np.roll(ends(), 1, axis=1)},
    "next observations": {"next_observations": recorded()["observations"] + 1.0},
}


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("more", DECISIVE.values(), ids=DECISIVE)
def test_flags_and_next_observations_tell_the_axes(more: Arrays, swapped: bool, tmp_path: Path) -> None:
    got = imported("npz", saved(tmp_path, recorded() | more, swapped=swapped), final_obs="repeat")
    np.testing.assert_array_equal(got.lengths, [STEPS] * EPISODES)
    np.testing.assert_array_equal(got.rewards, np.arange(EPISODES * STEPS))
    np.testing.assert_array_equal(got.actions[:, 0], -np.arange(EPISODES * STEPS))


@pytest.mark.parametrize("swapped", [False, True])
def test_what_nothing_tells_is_asked_with_both_readings(swapped: bool, tmp_path: Path) -> None:
    path = saved(tmp_path, recorded(), swapped=swapped)
    one, other = (STEPS, EPISODES) if swapped else (EPISODES, STEPS)
    with pytest.raises(DataError, match=f"{one} episodes of {other} steps each, or {one} steps of {other} env"):
        imported("npz", path)
    got = imported("npz", path, axis="steps" if swapped else "episodes", final_obs="repeat")
    np.testing.assert_array_equal(got.rewards, np.arange(EPISODES * STEPS))


def test_an_observation_more_tells_the_axes(tmp_path: Path) -> None:
    obs = np.arange(EPISODES * (STEPS + 1), dtype=np.float64).reshape(EPISODES, STEPS + 1, 1)
    path = saved(tmp_path, recorded() | {"observations": obs})
    got = imported("npz", path)
    np.testing.assert_array_equal(got.obs, obs.reshape(-1, 1))


def test_flags_inside_of_environments_cut_their_episodes(tmp_path: Path) -> None:
    flags = np.zeros((EPISODES, STEPS), bool)
    flags[:, 2] = True
    flags[0, 4] = True  # along the steps there is a gap, and along the environments none
    path = saved(tmp_path, recorded() | {"terminations": flags}, swapped=True)
    with pytest.raises(DataError, match="Set axis"):
        imported("npz", path)
    got = imported("npz", path, axis="steps", final_obs="repeat")
    np.testing.assert_array_equal(got.lengths, [3, 2, 1, 3, 3, 3, 3, 3, 3])
    np.testing.assert_array_equal(got.terminated, [True, True, False] + [True, False] * 3)
    np.testing.assert_array_equal(got.rewards, np.arange(EPISODES * STEPS))


def test_choices_of_environments_side_by_side(tmp_path: Path) -> None:
    arrays = recorded() | {"truncations": ends()}
    arrays["actions"] = np.arange(EPISODES * STEPS).reshape(EPISODES, STEPS) % 3
    got = imported("npz", saved(tmp_path, arrays, swapped=True), final_obs="repeat")
    np.testing.assert_array_equal(got.actions, np.arange(EPISODES * STEPS) % 3)


def test_a_shape_that_disagrees_is_refused(tmp_path: Path) -> None:
    arrays = recorded() | {"truncations": ends(), "rewards": np.zeros((EPISODES, STEPS + 2))}
    with pytest.raises(DataError, match=r"rewards must have the shape \(4, 6, …\), got \(4, 8\)"):
        imported("npz", saved(tmp_path, arrays))
