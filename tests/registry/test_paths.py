from pathlib import Path
from typing import Literal

from ilkit.registry.paths import missing, own_modules, paths
from ilkit.spec import Spec


class Files(Spec):
    kind: Literal["files"] = "files"
    one: Path = Path("a.npz")
    several: tuple[Path, ...] = (Path("b.npz"), Path("c.npz"))
    id: str = "robots:Arm-v0"


def test_every_path_of_a_spec_is_found_however_deep() -> None:
    assert dict(paths(Files())) == {"one": Path("a.npz"), "several.0": Path("b.npz"), "several.1": Path("c.npz")}


def test_a_path_that_points_nowhere_is_named_with_the_nearest(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz", "cc.npz"):
        (tmp_path / name).touch()
    assert list(missing(Files(), tmp_path)) == [
        "several.1: must point to a file or folder that exists, got 'c.npz'. Did you mean 'cc.npz'?"
    ]


def test_a_module_of_the_users_is_one_that_lies_in_the_folder(tmp_path: Path) -> None:
    assert list(own_modules(Files(), tmp_path)) == []
    (tmp_path / "robots.py").touch()
    assert list(own_modules(Files(), tmp_path)) == ["robots"]
