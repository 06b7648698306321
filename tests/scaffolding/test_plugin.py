import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from ilkit import entry_points
from ilkit.errors import ParamsError
from ilkit.registry import find
from ilkit.registry.find import declarations
from ilkit.running.pipelines import load_pipeline
from ilkit.scaffolding.plugin import write_plugin
from ilkit.testing import Check, checks

pytestmark = pytest.mark.bits

Run = Callable[[Iterable[Check]], None]


def forget() -> None:
    """Entry points are looked up again."""
    for cached in (entry_points.component_entry_points, find.installed, find.declarations, find._imported):
        cached.cache_clear()


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


@pytest.fixture(scope="module")
def every_block(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A plug-in for every block, `ilkit-xyz-BLOCK`, and one with a stage `sift`, all of them installed."""
    folder = tmp_path_factory.mktemp("plugins")
    with pytest.MonkeyPatch.context() as patch:
        for block in declarations():
            write_plugin(f"xyz-{block}", folder, block=block)
        write_plugin("best", folder, stage="sift")
        for written in folder.iterdir():
            install(written)
            patch.syspath_prepend(str(written))
        forget()
        yield folder
    forget()


def test_new_plugins_have_the_style_of_ilkit(every_block: Path) -> None:
    config = Path(__file__).parents[2] / "pyproject.toml"
    for command in (["check"], ["format", "--check"]):
        arguments = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", str(config), str(every_block)]
        found = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("block", [block for block in declarations() if block != "imitate"])
def test_a_new_kind_of_a_block_passes_the_kit(every_block: Path, run_kit: Run, block: str) -> None:
    draws = "draws=False" not in next((every_block / f"ilkit-xyz-{block}").glob("tests/*.py")).read_text()
    made = checks(block, f"xyz_{block}", draws=draws)
    assert len(made) > 8
    run_kit(made)


def test_a_new_stage_passes_the_kit_and_its_pipeline_is_wired(every_block: Path, run_kit: Run) -> None:
    run_kit(checks("sift", "best"))
    graph = load_pipeline(every_block / "ilkit-best" / "pipelines" / "best.py").graph
    assert [edge.name for edge in graph.nodes["sift"].edges] == ["sift/best", "sift/rest"]
    assert graph.nodes["imitate"].inputs["demos"].name == "sift/best"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"block": "imitat"}, "--block must be one of .*Did you mean 'imitate'"),
        ({"block": "network", "name": "mlp"}, "network.mlp is taken by ilkit"),
        ({"stage": "imitate"}, "declared already.*--block imitate"),
        ({"stage": "my-stage"}, "joined by _"),
    ],
)
def test_a_wrong_block_or_stage_writes_nothing(tmp_path: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(ParamsError, match=said):
        write_plugin(options.pop("name", "xyz"), tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


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
