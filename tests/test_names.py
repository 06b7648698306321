"""One name for one thing: entry point, kind, file, spec; and a description of every setting."""

import tomllib
from pathlib import Path

import pytest

from ilkit import stages
from ilkit.declaration import Declaration
from ilkit.entry_points import STORED_GROUP
from ilkit.registry.find import find

ROOT = Path(__file__).parents[1]


def entry_points(path: Path) -> list[tuple[str, str, str]]:
    groups = tomllib.loads(path.read_text(encoding="utf-8"))["project"].get("entry-points", {})
    return [
        (group.removeprefix("ilkit."), kind, value)
        for group, points in groups.items()
        if group != STORED_GROUP
        for kind, value in points.items()
    ]


OWN = entry_points(ROOT / "pyproject.toml")
OTHERS = [point for path in sorted(ROOT.glob("plugins/*/pyproject.toml")) for point in entry_points(path)]


@pytest.mark.parametrize(("block", "kind", "value"), OWN)
def test_an_entry_point_names_its_file_and_the_function_its_block(block: str, kind: str, value: str) -> None:
    assert value == f"ilkit.{block}.{kind}:{block}"
    assert (ROOT / "ilkit" / block / f"{kind}.py").is_file()


@pytest.mark.parametrize(("block", "kind", "value"), [*OWN, *OTHERS])
def test_an_entry_point_resolves_to_a_component_with_a_described_spec(block: str, kind: str, value: str) -> None:
    component = find(block, kind)
    assert component.function.__name__ == block
    assert component.spec.__name__.lower().replace("_", "") == kind.replace("_", "")
    assert (component.spec.__doc__ or "").strip()
    undescribed = [name for name, field in component.spec.model_fields.items() if not field.description]
    assert undescribed == ["kind"]


def test_every_folder_of_components_is_a_block() -> None:
    declared = {name for name, value in vars(stages).items() if isinstance(value, Declaration)}
    assert {block for block, _, _ in OWN} == declared
    assert all((ROOT / "ilkit" / block).is_dir() for block in declared)
