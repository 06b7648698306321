"""The commands `ilkit data import` and `ilkit data export`."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from ilkit.artifact.store import load, save
from ilkit.cli.commands import command_line
from tests.format.formats import FORMATS, assert_equal, demonstrations, written

pytestmark = pytest.mark.bits


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command_line, ["data", *map(str, arguments)])


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_out_and_in_again(kind: str, tmp_path: Path) -> None:
    demos = demonstrations()
    save(demos, tmp_path / "demos")
    exported = run("export", kind, tmp_path / "demos", tmp_path / "out" / "recording")
    assert exported.exit_code == 0, exported.output
    assert "note: " in exported.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["recording"]
    settings = ["-s", "action_low=[-1, -2]", "-s", "action_high=[1, 2]"]
    settings += ["-s", "final_obs=repeat"] if kind == "lerobot" else []
    back = run("import", kind, tmp_path / "out" / "recording", tmp_path / "back", *settings)
    assert back.exit_code == 0, back.output
    assert "12 episodes" in back.output
    assert "4 episodes terminated" in back.output
    got = load(tmp_path / "back")
    assert_equal(got, demos, "actions", "rewards", "terminated", "truncated", "lengths")
    assert got.spaces.action == demos.spaces.action


def test_what_was_decided_is_told(tmp_path: Path) -> None:
    found = run("import", "lerobot", written("lerobot", tmp_path), tmp_path / "demos")
    assert "note: " in found.output
    assert "its action is left out" in found.output


def test_a_recording_gets_goals(tmp_path: Path) -> None:
    path, demos = written("npz", tmp_path), demonstrations()
    found = run("import", "npz", path, tmp_path / "demos", "-s", "goal={achieved: [0, 1], tolerance: 0.5}")
    assert found.exit_code == 0, found.output
    assert "observations of achieved_goal, desired_goal, observation" in found.output
    np.testing.assert_array_equal(load(tmp_path / "demos").obs["achieved_goal"], demos.obs[:, :2])
    refused = run("import", "npz", path, tmp_path / "other", "-s", "goal={achieved: [0, 0]}")
    assert (refused.exit_code, "must name each entry once, got 0 twice" in refused.output) == (1, True)


def test_episodes_that_cannot_be_used_are_left_out_when_asked(tmp_path: Path) -> None:
    demos = demonstrations()
    demos.rewards[0] = np.inf
    path = written("npz", tmp_path, demos)
    refused = run("import", "npz", path, tmp_path / "demos")
    assert (refused.exit_code, "skip_episodes: [0] leaves it out" in refused.output) == (1, True)
    kept = run("import", "npz", path, tmp_path / "demos", "--keep-going")
    assert kept.exit_code == 0, kept.output
    assert "episode 0: rewards must be finite" in kept.output
    assert "11 episodes" in kept.output


def test_numbers_that_are_not_finite_are_told(tmp_path: Path) -> None:
    demos = demonstrations()
    obs = demos.obs.copy()
    obs[3, 0] = np.nan
    save(dataclasses.replace(demos, obs=obs), tmp_path / "demos")
    run("export", "npz", tmp_path / "demos", tmp_path / "recording.npz")
    said = run("import", "npz", tmp_path / "recording.npz", tmp_path / "back")
    assert said.exit_code == 0, said.output
    assert f"note: obs hold NaN or infinity. `ilkit data check {tmp_path / 'back'}`" in said.output


def test_nothing_is_lost_in_npz(tmp_path: Path) -> None:
    save(demonstrations(), tmp_path / "demos")
    assert "Nothing is lost" in run("export", "npz", tmp_path / "demos", tmp_path / "recording.npz").output


@pytest.mark.parametrize(
    ("arguments", "expected", "code"),
    [
        (("import", "npy", "x", "demos"), "Did you mean 'npz'?", 2),
        (("import", "npz", "x", "demos", "-s", "ob=x"), "Did you mean 'obs'?", 2),
        (("import", "npz", "x", "demos", "-s", "obs"), "FIELD=VALUE", 2),
        (("import", "npz", "x", "demos", "-s", "obs=[1"), "must be YAML", 2),
        (("import", "npz", "x", "demos", "-s", "max_episodes=0"), "max_episodes", 2),
        (("import", "npz", "x", "demos", "-s", "max_episodes=" + "9" * 40), "less than 2147483648", 2),
        (("import", "npz", "x", "demos", "-s", "max_episodes=" + "9" * 5000), "max_episodes", 2),
        (("import", "npz", "x", "demos", "-s", "obs=" + "[" * 3000), "must be YAML", 2),
        (("import", "npz", "x", "demos", "-s", "obs=" + "[" * 3000 + "]" * 3000), "must be YAML", 2),
        (("import", "npz", "x", "demos", "-s", "action_low=[1]", "-s", "action_high=[0]"), "at most action_high", 2),
        (("import", "npz", "x", "demos"), "There is no x", 1),
        (("export", "npz", "demos", "x"), "no artifact", 1),
    ],
)
def test_errors_are_explained(
    arguments: tuple[str, ...], expected: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = run(*arguments)
    assert (found.exit_code, expected in found.output) == (code, True), found.output
    assert not (tmp_path / "demos").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    save(demonstrations(), tmp_path / "demos")
    (tmp_path / "recording").write_text("mine")
    assert "is there already" in run("export", "npz", tmp_path / "demos", tmp_path / "recording").output
    assert (tmp_path / "recording").read_text() == "mine"


def test_only_demonstrations_are_exported(tmp_path: Path) -> None:
    save((np.zeros(3),), tmp_path / "other")
    assert "must be the artifact of demonstrations" in run("export", "npz", tmp_path / "other", tmp_path / "x").output


def test_an_import_replaces_nothing_but_artifacts_and_these_only_when_asked(tmp_path: Path) -> None:
    recording = written("npz", tmp_path)
    content = recording.read_bytes()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    for target in (recording, tmp_path / "mine"):
        refused = run("import", "npz", recording, target)
        assert (refused.exit_code, "must not exist yet" in refused.output) == (1, True)
        assert "no artifact" in run("import", "npz", recording, target, "--force").output
    assert recording.read_bytes() == content
    assert (tmp_path / "mine" / "notes.txt").read_text() == "precious"
    assert run("import", "npz", recording, tmp_path / "demos").exit_code == 0
    assert run("import", "npz", recording, tmp_path / "demos").exit_code == 1
    assert run("import", "npz", recording, tmp_path / "demos", "--force").exit_code == 0


def test_an_end_in_the_middle_of_an_episode_is_refused(tmp_path: Path) -> None:
    obs = np.arange(12.0).reshape(6, 2)
    flags = np.array([False, True, False, False, False, True])
    np.savez(
        tmp_path / "a.npz",
        observations=obs,
        actions=obs,
        next_observations=obs + 2,
        terminations=flags,
        episode_lengths=[3, 3],
    )
    found = run("import", "npz", tmp_path / "a.npz", tmp_path / "demos")
    assert found.exit_code == 1
    assert "an end at step 1 of the 3 of episode 0" in found.output
