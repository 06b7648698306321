import subprocess
import sys
from pathlib import Path

import pytest

from ilkit.errors import ParamsError
from ilkit.running.check import check
from ilkit.running.pipelines import load_pipeline
from ilkit.scaffolding.project import write_project
from ilkit.wiring.dvc import compile_pipeline


def test_a_new_project_is_valid_and_in_step(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    write_project(folder)
    check(folder)
    text = compile_pipeline(load_pipeline(folder / "pipelines" / "imitate.py").graph, "pipelines/imitate.py")
    assert (folder / "dvc.yaml").read_text(encoding="utf-8") == text
    assert "autostage = true" in (folder / ".dvc" / "config").read_text()
    assert (folder / ".dvcignore").is_file()
    assert (folder / "README.md").read_text().startswith("# study\n")


def test_a_new_project_is_a_repository_that_dvc_knows(tmp_path: Path) -> None:
    write_project(tmp_path)
    assert (tmp_path / ".git").is_dir()
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "expert.log").touch()
    changed = subprocess.run(["git", "status", "--short"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert changed.stdout == "", "everything but logs is committed, so that dvc exp can compare"
    dvc = [sys.executable, "-m", "dvc", "stage", "list"]
    status = subprocess.run(dvc, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert status.returncode == 0, status.stderr
    assert [line.split()[0] for line in status.stdout.splitlines()] == [
        *("components", "expert", "rollout", "imitate", "uncertainty", "evaluate"),
    ]


def test_a_project_inside_a_repository_makes_no_other(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    write_project(tmp_path / "study")
    assert not (tmp_path / "study" / ".git").exists()


@pytest.mark.parametrize("there", ["params.yaml", "dvc.yaml"])
def test_what_is_there_is_kept(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(ParamsError, match=there):
        write_project(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"
