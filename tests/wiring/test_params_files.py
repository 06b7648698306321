"""`params.yaml` as DVC writes it, so that one `dvc exp run -S` is a diff of one line."""

from pathlib import Path

import pytest
from dvc.utils.serialize import modify_yaml

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("params.yaml"), *ROOT.glob("pipelines/*/params.yaml"), *ROOT.glob("ilkit/**/params.yaml.txt")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_dvc_changes_nothing_but_what_it_is_told(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "params.yaml"
    copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    with modify_yaml(copy) as content:
        content["seed"] = 7
    assert copy.read_text(encoding="utf-8") == path.read_text(encoding="utf-8").replace("seed: 0", "seed: 7", 1)
