from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest
from click.testing import CliRunner

from ilkit.artifact.store import load, save
from ilkit.cli.commands import command_line
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.seeds import Seeds
from ilkit.stepping.random_policy import RandomPolicy

pytestmark = pytest.mark.bits


@pytest.fixture
def folder(tmp_path: Path, clean: Demonstrations, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save(clean, tmp_path / "demos")
    return tmp_path


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(command_line, ["data", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def error_of(*arguments: object) -> str:
    code, said = call(*arguments)
    assert code == 1
    assert said.startswith("error: ")
    assert len(said.splitlines()) == 1
    return said


def test_show_prints_and_draws(folder: Path) -> None:
    code, said = call("show", "demos", "--html", "pages/page.html")
    assert code == 0
    assert "12 episodes, 480 steps; 0 terminated, 12 truncated" in said
    assert "lengths: 40 to 40, median 40" in said
    assert any(line.split()[:2] == ["action", "1"] for line in said.splitlines())
    assert "<h1>Demonstrations: demos</h1>" in (folder / "pages/page.html").read_text(encoding="utf-8")


def test_check_exits_with_0_where_there_is_nothing(folder: Path) -> None:
    assert call("check", "demos") == (0, "Found no defects.\n")
    code, said = call("check", "demos", "--env", "point_mass", "--replay", 100)
    assert (code, said) == (0, "Replayed 100 of 100 drawn steps in point_mass.\nFound no defects.\n")


def test_check_exits_with_1_and_a_line_for_each_kind(folder: Path, clean: Demonstrations) -> None:
    clean.obs[50, 2] = np.nan
    clean.truncated[3] = False
    clean.actions[1:] = clean.actions[:-1].copy()
    save(clean, folder / "demos")
    code, said = call("check", "demos", "--env", "point_mass")
    assert code == 1
    starts = ["obs not finite: 1 entry", "episodes without an end: 1 of 12", "shifted by one: 4"]
    lines = said.splitlines()
    assert [line[: len(start)] for line, start in zip(lines, starts, strict=False)] == starts
    assert "Found 3 kinds of defects." in lines


def test_check_reads_what_is_inconsistent(folder: Path, clean: Demonstrations) -> None:
    broken = object.__new__(Demonstrations)
    for name, value in vars(clean).items():
        object.__setattr__(broken, name, value[:-1] if name == "actions" else value)
    save(broken, folder / "broken")
    code, said = call("check", "broken", "--env", "point_mass")
    assert code == 1
    assert said.splitlines()[0].startswith("arrays disagree: actions must have 480 rows")
    for command in (("show", "broken"), ("filter", "broken", "kept", "--min-length", 1)):
        assert "broken: arrays disagree: actions must have 480 rows" in error_of(*command)


def test_split_and_merge_lose_nothing(folder: Path, clean: Demonstrations) -> None:
    code, said = call("split", "demos", "--into", "train=0.75", "--into", "test=0.25", "--seed", 3)
    assert code == 0
    assert said.splitlines()[0] == "Wrote train: 9 episodes, 360 steps."
    assert call("merge", "train", "test", "all")[0] == 0
    merged = load("all")
    assert isinstance(merged, Demonstrations)
    assert sorted(merged.returns.tolist()) == sorted(clean.returns.tolist())


def test_the_same_split_writes_the_same_bytes(folder: Path) -> None:
    for name in ("a", "b"):
        call("split", "demos", "--into", f"{name}=0.5", "--into", f"{name}-rest=0.5")
    assert (folder / "a/arrays.safetensors").read_bytes() == (folder / "b/arrays.safetensors").read_bytes()


def test_filter_keeps_what_meets_everything(folder: Path, clean: Demonstrations) -> None:
    middle = float(np.median(clean.returns))
    code, said = call("filter", "demos", "kept", "--min-return", middle, "--episodes", "0-9", "--truncated")
    assert code == 0
    kept = load("kept")
    assert kept.returns.tolist() == [one for one in clean.returns[:10].tolist() if one >= middle]
    assert f"{kept.num_episodes} of 12 episodes" in said


def test_what_is_there_is_replaced_only_by_force(folder: Path) -> None:
    call("filter", "demos", "kept", "--episodes", "0")
    before = (folder / "kept/arrays.safetensors").read_bytes()
    assert "kept must not exist yet" in error_of("filter", "demos", "kept", "--episodes", "1")
    assert "kept must not exist yet" in error_of("merge", "demos", "kept")
    assert "kept must not exist yet" in error_of("split", "demos", "--into", "new=0.5", "--into", "kept=0.5")
    assert not (folder / "new").exists(), "nothing is written where one of them is there"
    assert (folder / "kept/arrays.safetensors").read_bytes() == before
    assert call("filter", "demos", "kept", "--episodes", "1", "--force")[0] == 0
    assert (folder / "kept/arrays.safetensors").read_bytes() != before


def test_force_replaces_nothing_but_artifacts(folder: Path) -> None:
    (folder / "letters").mkdir()
    (folder / "letters/letter.txt").write_text("dear")
    said = error_of("filter", "demos", "letters", "--episodes", "1", "--force")
    assert "letters is no artifact, so it isn't replaced" in said
    assert (folder / "letters/letter.txt").read_text() == "dear"


@pytest.mark.parametrize("command", ["show", "check", "split", "merge", "filter"])
def test_what_is_no_artifact_of_demonstrations_is_refused(command: str, folder: Path, clean: Demonstrations) -> None:
    policy = jax.tree.map(lambda leaf: leaf[None] if eqx.is_array(leaf) else leaf, RandomPolicy.of(clean.spaces))
    save(Seeds(policy, {}, 1), folder / "policy")
    rest: dict[str, list[Any]] = {
        "split": ["--into", "part=1.0"],
        "merge": ["target"],
        "filter": ["target", "--min-length", 1],
    }
    assert "nowhere is no artifact" in error_of(command, "nowhere", *rest.get(command, []))
    said = error_of(command, "policy", *rest.get(command, []))
    assert "policy must be the artifact of demonstrations, got that of RandomPolicy" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("split", "demos", "--into", "a"), "--into must be FOLDER=FRACTION"),
        (("split", "demos", "--into", "a=nan"), "--into must be FOLDER=FRACTION"),
        (("split", "demos", "--into", "a=0.5"), "with the sum 1"),
        (("split", "demos", "--into", "a=0.5", "--into", "a/=0.5"), "each folder once"),
        (("filter", "demos", "kept"), "Nothing says which episodes"),
        (("filter", "demos", "kept", "--min-length", "41"), "None of the 12 episodes is left"),
        (("filter", "demos", "kept", "--episodes", "x"), "numbers and ranges"),
        (("merge", "demos", "demos", "kept"), "given once"),
        (("check", "demos", "--env", "point_mass", "--params", "params.yaml"), "not by both"),
    ],
)
def test_wrong_input_is_explained_in_a_line(arguments: tuple[str, ...], said: str, folder: Path) -> None:
    assert said in error_of(*arguments)
    assert not (folder / "kept").exists()
