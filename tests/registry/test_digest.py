"""What a digest of code sees: all of a distribution that a kind imports, and the user's own modules."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ilkit.registry import digest
from ilkit.registry.digest import Code, component_digest, unfollowed


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    site = tmp_path / "site-packages"
    (site / "flat_package").mkdir(parents=True)
    (site / "flat_kind.py").write_text("import flat_helper\nfrom flat_package import inner\n")
    (site / "flat_helper.py").write_text("import flat_deeper\n")
    (site / "flat_deeper.py").write_text("x = 1\n")
    (site / "flat_package/__init__.py").write_text("y = 1\n")
    (site / "flat_package/inner.py").write_text("from . import sibling\nfrom .other import z\n")
    (site / "flat_package/sibling.py").write_text("")
    (site / "flat_package/other.py").write_text("z = 1\n")
    (site / "stranger.py").write_text("")
    monkeypatch.syspath_prepend(str(site))
    yield site
    _forget()


def _forget() -> None:
    importlib.invalidate_caches()
    for cached in (digest._source, digest._imports, digest._is_beside, digest._meaning):
        cached.cache_clear()


OWN = ("flat_deeper", "flat_helper", "flat_kind", "flat_package")


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        ("flat_kind.py", True),
        ("flat_helper.py", True),
        ("flat_deeper.py", True),
        ("flat_package/__init__.py", True),
        ("flat_package/inner.py", True),
        ("flat_package/sibling.py", True),
        ("flat_package/other.py", True),
        ("stranger.py", False),
    ],
)
def test_a_change_anywhere_in_the_distribution_is_seen(site: Path, changed: str, seen: bool) -> None:
    code = Code("flat_kind", OWN)
    before = component_digest(code)
    assert component_digest(code) == before
    (site / changed).write_text((site / changed).read_text() + "changed = 1\n")
    _forget()
    assert (component_digest(code) != before) == seen


_WRITTEN = """
class Step:
    size: int = 3

    def taken(self, way: int) -> str:
        if way and self.size > 0.5:
            return f"{way:>3} steps"
        return "none"
"""
_EXPLAINED = """'''How far one goes.'''

class Step:
    "A step."

    size: int = 3
    "In meters."

    def taken(
        self,
        way: int,
    ) -> str:
        "What was taken."
        if way and self.size > 0.5:  # on the way
            return f'{way:>3} steps'

        return 'none'
"""


def _digest_of(text: str, folder: Path) -> str:
    (folder / "step.py").write_text(text)
    _forget()
    return component_digest(Code("step", modules=("step",)), folder)


def test_what_is_told_to_readers_may_change(tmp_path: Path) -> None:
    assert _digest_of(_WRITTEN, tmp_path) == _digest_of(_EXPLAINED, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [("3\n", "4\n"), ("0.5", "0.25"), (">3", ">4"), (" and ", " or "), ('"none"', '"nothing"'), ("int = 3", "int"),
     ("> 0.5", ">= 0.5"), ("size", "length"), ("-> str", "-> object"), ('return "none"', "pass")],
)  # fmt: skip
def test_what_code_does_may_not(old: str, new: str, tmp_path: Path) -> None:
    assert old in _WRITTEN
    assert _digest_of(_WRITTEN, tmp_path) != _digest_of(_WRITTEN.replace(old, new), tmp_path)


def test_a_module_beside_a_plugin_that_is_worked_on_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kind_in_work.py").write_text("import helper_in_work\n")
    (tmp_path / "helper_in_work.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = component_digest(Code("kind_in_work"))
    (tmp_path / "helper_in_work.py").write_text("x = 2\n")
    _forget()
    assert component_digest(Code("kind_in_work")) != before


def test_the_users_module_is_followed_to_the_modules_that_it_imports(tmp_path: Path) -> None:
    (tmp_path / "robots").mkdir()
    (tmp_path / "robots/__init__.py").write_text("from robots.arm import Arm\nimport tools\n")
    (tmp_path / "robots/arm.py").write_text("Arm = 1\n")
    (tmp_path / "tools.py").write_text("")
    (tmp_path / "unused.py").write_text("")
    code = Code("ilkit.spec", modules=("robots",))
    digests = {component_digest(code, tmp_path)}
    for name in ("robots/__init__.py", "robots/arm.py", "tools.py"):
        (tmp_path / name).write_text((tmp_path / name).read_text() + "changed = 1\n")
        _forget()
        digests.add(component_digest(code, tmp_path))
    assert len(digests) == 4
    (tmp_path / "unused.py").write_text("x = 2\n")
    _forget()
    assert component_digest(code, tmp_path) in digests


def test_what_is_imported_by_a_name_that_is_made_is_said(site: Path) -> None:
    assert list(unfollowed(Code("flat_kind", OWN))) == []
    (site / "flat_deeper.py").write_text("import importlib\n\nx = importlib.import_module('y' + 'z')\n")
    _forget()
    assert list(unfollowed(Code("flat_kind", OWN))) == ["flat_deeper, line 3"]
