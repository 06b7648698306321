"""The pages name what is there: files, kinds and pipelines."""

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MADE_UP = {"mixup", "xyz"}
"""Kinds of the examples of how to add one."""
EXAMPLES = {"ilkit/imitate/xyz.py", "plugins/ilkit-NAME", "pipelines/imitate.py"}
"""Files of these, and of a project of one's own."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    named = re.findall(r"`((?:pipelines|benchmarks|plugins|ilkit|docs)/[\w/.-]+)`", page.read_text(encoding="utf-8"))
    assert sorted({name for name in named if not (ROOT / name).exists()} - EXAMPLES) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_kinds_that_are_named_are_installed(page: Path) -> None:
    named = re.findall(r"\b([a-z_]+)\.kind=([a-z_0-9]+)", page.read_text(encoding="utf-8"))
    unknown = {(block, kind) for block, kind in named if kind not in entry_points(group=f"ilkit.{block}").names}
    assert sorted(one for one in unknown if one[1] not in MADE_UP) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_kinds_that_tables_list_are_installed(page: Path) -> None:
    """In a table whose first column is called `BLOCK.kind`, each row begins with kinds of it."""
    text, wrong = page.read_text(encoding="utf-8"), []
    for block, rows in re.findall(r"^\| `(\w+)\.kind` \|.*\n\|[ -|]+\n((?:\|.*\n)+)", text, re.MULTILINE):
        installed = entry_points(group=f"ilkit.{block}").names
        listed = [name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])]
        assert listed, f"the table of {block} lists none"
        wrong += [f"{block}.{name}" for name in listed if name not in installed]
    assert wrong == []
