import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ilkit.errors import ParamsError
from ilkit.scaffolding.plugin import write_plugin


def install(folder: Path) -> None:
    """What an editable installation leaves: the metadata by which the entry points are found."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n")
    lines = [
        line
        for group, points in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")


def test_a_new_plugin_passes_the_kit_and_its_own_tests(tmp_path: Path) -> None:
    write_plugin("smooth-bc", tmp_path)
    folder = tmp_path / "ilkit-smooth-bc"
    install(folder)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(folder / "tests")]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[-4000:]


def test_a_new_plugin_has_the_style_of_ilkit(tmp_path: Path) -> None:
    write_plugin("xyz", tmp_path)
    config = Path(__file__).parents[2] / "pyproject.toml"
    for command in (["check"], ["format", "--check"]):
        arguments = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", str(config), str(tmp_path)]
        found = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("name", ["Xyz", "1xyz", "x y", "../xyz", "xyz-", "_xyz", "class", "bc", ""])
def test_a_bad_name_writes_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParamsError, match=r"lowercase|taken"):
        write_plugin(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "ilkit-xyz").mkdir()
    with pytest.raises(ParamsError, match="must not exist"):
        write_plugin("xyz", tmp_path)
    assert list((tmp_path / "ilkit-xyz").iterdir()) == []
