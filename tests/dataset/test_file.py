"""Recordings as the demonstrations of a pipeline, in the spaces of its environment."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.artifact.store import save
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_settings import Goal
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.dataset import answers, artifact, file
from ilkit.errors import DataError
from ilkit.format import npz
from ilkit.interaction.aggregation import begin
from ilkit.testing import problems
from tests.format.formats import FORMATS, demonstrations, written

NPZ = Build("format", "npz", npz.format, npz.NPZ())


def env_of(action: Box | Discrete, size: int = 3) -> Any:
    spaces = Spaces(observation=Box.symmetric((1.0,) * size), action=action)
    return Build("env", "any", lambda spec: type("Env", (), {"spaces": spaces}), file.File())


def read(
    path: Path, action: Box | Discrete | None, chosen: Any = NPZ, size: int = 3, **settings: Any
) -> Demonstrations:
    env = None if action is None else env_of(action, size)
    return file.dataset(file.File(path=path, final_obs="repeat", **settings), chosen, env, key=jax.random.key(0))


def recorded(folder: Path, actions: np.ndarray) -> Path:
    np.savez(folder / "a.npz", observations=np.eye(len(actions), 3), actions=actions, episode_lengths=[len(actions)])
    return folder / "a.npz"


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_the_environment_must_fit(kind: str, tmp_path: Path) -> None:
    module, spec = FORMATS[kind]
    path = written(kind, tmp_path, demonstrations(discrete=True))
    chosen = Build("format", kind, module.format, spec())
    assert read(path, Discrete(size=3), chosen).spaces.observation == Box.symmetric((1.0,) * 3)
    assert read(path, Discrete(size=5), chosen).spaces.action.size == 5
    for action, size in ((Discrete(size=2), 3), (Box.symmetric((1.0, 1.0)), 3), (Discrete(size=3), 4)):
        with pytest.raises(DataError, match="recording must fit the environment"):
            read(path, action, chosen, size)


def test_without_an_environment_the_file_says_the_spaces(tmp_path: Path) -> None:
    demos = demonstrations()
    assert read(written("npz", tmp_path, demos), None).spaces == demos.spaces


@pytest.mark.parametrize(("name", "row", "step"), [("obs", 3, 3), ("actions", 2, 2)])
def test_a_stage_learns_from_no_numbers_that_are_not_finite(name: str, row: int, step: int, tmp_path: Path) -> None:
    demos = demonstrations()
    rows = getattr(demos, name).copy()
    rows[int(demos.lengths[0]) + (name == "obs") + row, 0] = np.nan
    save(dataclasses.replace(demos, **{name: rows}), tmp_path / "demos")
    with pytest.raises(DataError, match=f"{name} must be finite to learn from.*episode 1, step {step}"):
        artifact.dataset(artifact.Artifact(path=tmp_path / "demos"), key=jax.random.key(0))


def test_an_artifact_of_demonstrations_is_adopted(tmp_path: Path) -> None:
    demos = demonstrations(discrete=True)
    save(demos, tmp_path / "demos")
    spec = artifact.Artifact(path=tmp_path / "demos")
    got = artifact.dataset(spec, env_of(Discrete(size=5)), key=jax.random.key(0))
    np.testing.assert_array_equal(got.actions, demos.actions)
    assert got.spaces.action == Discrete(size=5)
    save((np.zeros(3),), tmp_path / "demos")
    with pytest.raises(DataError, match="must be the artifact of demonstrations"):
        artifact.dataset(spec, key=jax.random.key(0))


def test_an_artifact_gets_goals(tmp_path: Path) -> None:
    demos = demonstrations()
    save(demos, tmp_path / "demos")
    spec = artifact.Artifact(path=tmp_path / "demos", goal=Goal(achieved=(1,)))
    got = artifact.dataset(spec, key=jax.random.key(0))
    np.testing.assert_array_equal(got.obs["achieved_goal"], demos.obs[:, 1:2])


CHOICES = np.array([2, 0, 1, 2])
WRITTEN = {
    "whole": CHOICES,
    "float": CHOICES.astype(np.float64),
    "column": CHOICES[:, None],
    "one-hot": np.eye(3)[CHOICES],
    "one-hot, whole": np.eye(3, dtype=np.uint8)[CHOICES],
}


@pytest.mark.parametrize("actions", WRITTEN.values(), ids=WRITTEN)
def test_the_environment_says_that_actions_are_choices(actions: np.ndarray, tmp_path: Path) -> None:
    got = read(recorded(tmp_path, actions), Discrete(size=3))
    assert got.actions.dtype == np.int32
    np.testing.assert_array_equal(got.actions, CHOICES)


@pytest.mark.parametrize("actions", [CHOICES + 5, np.eye(3)[CHOICES]], ids=["whole", "one-hot"])
def test_choices_are_counted_from_the_start_of_their_space(actions: np.ndarray, tmp_path: Path) -> None:
    got = read(recorded(tmp_path, actions), Discrete(size=3, start=5))
    np.testing.assert_array_equal(got.actions, CHOICES + 5)
    with pytest.raises(DataError, match="whole numbers from 5 to 7, got 2 at step 0"):
        read(recorded(tmp_path, CHOICES), Discrete(size=3, start=5))


@pytest.mark.parametrize("actions", [np.array([-1, 0, 1]), np.array([1, 0, 1])])
def test_the_environment_says_that_keyboard_actions_are_numbers(actions: np.ndarray, tmp_path: Path) -> None:
    got = read(recorded(tmp_path, actions), Box.symmetric((1.0,)))
    assert got.actions.dtype == np.float32
    np.testing.assert_array_equal(got.actions, actions[:, None])


def test_numbers_are_no_choices(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"whole numbers from 0 to 2, got 0.5 at step 1"):
        read(recorded(tmp_path, np.array([0.0, 0.5])), Discrete(size=3))
    with pytest.raises(DataError, match="one-hot vectors of 3 entries"):
        read(recorded(tmp_path, np.eye(2)), Discrete(size=3))


def test_a_setting_says_it_where_there_is_no_environment(tmp_path: Path) -> None:
    one_hot = read(recorded(tmp_path, np.eye(3)[CHOICES]), None, action_kind="discrete")
    np.testing.assert_array_equal(one_hot.actions, CHOICES)
    keyboard = read(recorded(tmp_path, np.array([-1, 0, 1])), None, action_kind="continuous")
    np.testing.assert_array_equal(keyboard.actions, [[-1.0], [0.0], [1.0]])
    assert read(recorded(tmp_path, np.array([-1, 0, 1])), None).spaces.action == Discrete(size=3, start=-1)


def test_what_a_training_seed_has_asked_is_read_as_demonstrations(tmp_path: Path) -> None:
    gathered = [begin(problems.demonstrations(count, "continuous"), 0, 1, key=jax.random.key(0)) for count in (20, 25)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *gathered)
    save(Seeds(stacked, {}, 2), tmp_path / "demos")
    got = artifact.dataset(artifact.Artifact(path=tmp_path / "demos", training_seed=1), key=jax.random.key(0))
    assert got.actions.tobytes() == problems.demonstrations(25, "continuous").actions.tobytes()
    assert got.lengths.tolist() == problems.demonstrations(25, "continuous").lengths.tolist()
    with pytest.raises(DataError, match="below the number of training seeds, 2"):
        artifact.dataset(artifact.Artifact(path=tmp_path / "demos", training_seed=2), key=jax.random.key(0))


def test_answers_are_those_to_one_training_seed() -> None:
    gathered = [begin(problems.demonstrations(count, "continuous"), 0, 1, key=jax.random.key(0)) for count in (20, 25)]
    asked = Seeds(jax.tree.map(lambda *leaves: jnp.stack(leaves), *gathered), {}, 2)
    got = answers.dataset(answers.Answers(training_seed=1), asked, key=jax.random.key(0))
    assert got.actions.tobytes() == problems.demonstrations(25, "continuous").actions.tobytes()
    with pytest.raises(DataError, match="below the number of training seeds, 2"):
        answers.dataset(answers.Answers(training_seed=2), asked, key=jax.random.key(0))
