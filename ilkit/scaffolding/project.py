"""Writing a new project: a pipeline, its parameters, and what DVC and git need."""

import subprocess
from pathlib import Path

from ilkit.errors import ParamsError
from ilkit.running.pipelines import load_pipeline
from ilkit.scaffolding.template import write_template
from ilkit.wiring.dvc import compile_pipeline

_PIPELINE = "pipelines/imitate.py"


def write_project(folder: Path) -> None:
    """Writes a project into `folder`, compiles its `dvc.yaml`, and makes it a repository of git, unless it lies in one.

    **Raises:** `ParamsError` where a file is there already (nothing is written then), or git fails.
    """
    write_template("project", folder, {"name": folder.resolve().name}, also=("dvc.yaml",))
    text = compile_pipeline(load_pipeline(folder / _PIPELINE).graph, _PIPELINE)
    (folder / "dvc.yaml").write_text(text, encoding="utf-8")
    if _git("rev-parse", "--is-inside-work-tree", folder=folder).returncode != 0:
        made = _git("init", "--quiet", folder=folder)
        if made.returncode != 0:
            raise ParamsError(f"git can't make a repository of {folder}: {made.stderr.strip()}")
        _commit(folder)


def _commit(folder: Path) -> None:
    """Commits all of it: `dvc exp` needs something to compare with."""
    known = _git("config", "user.email", folder=folder).returncode == 0
    identity = () if known else ("-c", "user.name=ilkit", "-c", "user.email=ilkit@localhost")
    _git("add", ".", folder=folder)
    _git(*identity, "commit", "--quiet", "-m", "Start a project by ilkit init", folder=folder)


def _git(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ParamsError("A project needs git, which isn't installed. Install it, then run `git init`.") from error
