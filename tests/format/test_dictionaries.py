"""Observations that are dictionaries, pictures among them."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Dict, Discrete, Spaces
from ilkit.dataset import file
from ilkit.errors import DataError
from ilkit.format import npz
from tests.format.formats import assert_equal, demonstrations, imported, written

SPACE = Dict(
    entries={
        "camera": Box(shape=(4, 3, 3), low=0.0, high=255.0, dtype="uint8"),
        "velocity": Box.symmetric((np.inf,)),
        "position": Box.symmetric((2.0, 3.0)),
    }
)


def seen(*, pictures: bool = True) -> Demonstrations:
    demos, random = demonstrations(), np.random.default_rng(1)
    obs = {"position": demos.obs[:, :2], "velocity": demos.obs[:, 2:]}
    entries: dict[str, Any] = {name: space for name, space in SPACE.entries if name != "camera"}
    if pictures:
        obs["camera"] = random.integers(0, 256, (len(demos.obs), 4, 3, 3), np.uint8)
        entries = dict(SPACE.entries)
    spaces = Spaces(observation=Dict(entries=entries), action=demos.spaces.action)  # type: ignore[arg-type]
    rest = (demos.actions, demos.rewards, demos.terminated, demos.truncated, demos.lengths)
    return Demonstrations(dict(sorted(obs.items())), *rest, spaces=spaces)


@pytest.mark.parametrize(("kind", "keeps_spaces"), [("minari", False), ("npz", True), ("robomimic", False)])
def test_dictionaries_with_pictures_come_back(kind: str, keeps_spaces: bool, tmp_path: Path) -> None:
    demos = seen()
    got = imported(kind, written(kind, tmp_path, demos))
    assert_equal(got, demos, "actions", "rewards", "terminated", "lengths")
    assert list(got.obs) == list(demos.obs)
    jax.tree.map(np.testing.assert_array_equal, got.obs, demos.obs)
    assert {name: rows.dtype for name, rows in got.obs.items()} == {
        name: rows.dtype for name, rows in demos.obs.items()
    }
    assert (got.spaces == demos.spaces) or not keeps_spaces


def test_lerobot_keeps_columns_by_name(tmp_path: Path) -> None:
    demos = seen(pictures=False)
    path = written("lerobot", tmp_path, demos)
    got = imported("lerobot", path, obs_keys=("velocity", "position"), join=False, final_obs="repeat")
    jax.tree.map(np.testing.assert_array_equal, got.before(), demos.before())
    notes: list[str] = []
    joined = imported("lerobot", path, notes.append, obs_keys=("velocity", "position"), final_obs="repeat")
    assert "dictionaries in the order position, velocity" in notes[0]
    np.testing.assert_array_equal(joined.before()[:, :1], demos.before()["velocity"])


@pytest.mark.parametrize("kind", ["d4rl", "imitation"])
def test_formats_of_vectors_refuse_dictionaries(kind: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs observations that are vectors"):
        written(kind, tmp_path, seen())


def test_names_of_arrays_are_names_of_entries(tmp_path: Path) -> None:
    demos = seen()
    arrays: dict[str, Any] = {**demos.obs, "actions": demos.actions, "episode_lengths": demos.lengths}
    np.savez(tmp_path / "a.npz", **arrays)
    got = imported("npz", tmp_path / "a.npz", obs=("velocity", "camera", "position"))
    jax.tree.map(np.testing.assert_array_equal, got.obs, demos.obs)


def read(path: Path, observation: Any, action: Any) -> Demonstrations:
    spaces = Spaces(observation=observation, action=action)
    env: Any = Build("env", "any", lambda spec: type("Env", (), {"spaces": spaces}), file.File())
    chosen = Build("format", "npz", npz.format, npz.NPZ())
    return file.dataset(file.File(path=path, final_obs="repeat"), chosen, env, key=jax.random.key(0))


def test_the_environment_compares_names_and_types(tmp_path: Path) -> None:
    demos = seen()
    path = written("npz", tmp_path, demos)
    assert read(path, SPACE, demos.spaces.action).spaces.observation == SPACE
    other = Dict(entries={("speed" if name == "velocity" else name): space for name, space in SPACE.entries})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="got a dictionary of camera, position, velocity"):
        read(path, other, demos.spaces.action)
    with pytest.raises(DataError, match="must fit the environment: observations must be box of size 3"):
        read(path, Box.symmetric((9.0,) * 3), demos.spaces.action)


def test_the_environment_says_that_an_observation_is_a_choice(tmp_path: Path) -> None:
    squares = np.array([0, 3, 1, 2])
    np.savez(tmp_path / "a.npz", observations=squares, actions=np.array([0, 1, 0]), episode_lengths=[3])
    got = read(tmp_path / "a.npz", Discrete(size=4), Discrete(size=2))
    assert got.obs.dtype == np.int32
    np.testing.assert_array_equal(got.obs, squares)
    np.savez(tmp_path / "a.npz", observations=squares / 2, actions=np.array([0, 1, 0]), episode_lengths=[3])
    with pytest.raises(DataError, match="observations must be int32, got numbers that aren't"):
        read(tmp_path / "a.npz", Discrete(size=4), Discrete(size=2))
