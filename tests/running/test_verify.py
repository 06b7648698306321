import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from safetensors.numpy import load_file, save_file

from ilkit.errors import ArtifactError, WiringError
from ilkit.running.pipelines import read_plan
from ilkit.running.run import run_stage
from ilkit.running.verify import verify_folder
from ilkit.wiring.lock import folder_digest, read_lock

pytestmark = pytest.mark.bits


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path], Path]) -> Path:
    folder = write_project(tmp_path_factory.mktemp("made"))
    for stage in ("expert", "rollout"):
        run_stage(read_plan(folder), stage, folder)
    lock(folder)
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "project"))


def lock(folder: Path, *, seed: int = 3) -> None:
    """Writes the part of `dvc.lock` that is read."""
    outputs = {name: folder_digest(folder / "artifacts" / name) for name in ("expert", "rollout")}
    params = {"params.yaml": {"seed": seed, "expert.lqr": {}}, "components.json": {"instruction_set": "avx2"}}
    stages = {
        name: {"outs": [{"path": f"artifacts/{name}", "md5": digest}], "params": params}
        for name, digest in outputs.items()
    }
    stages["rollout"]["deps"] = [{"path": "artifacts/expert", "md5": outputs["expert"]}]
    YAML().dump({"schema": "2.0", "stages": stages}, folder / "dvc.lock")


def verified(project: Path, *stages: str) -> tuple[bool, str]:
    said: list[str] = []
    same = verify_folder(project, stages, said.append)
    return same, "\n".join(said)


def test_the_same_bytes(project: Path) -> None:
    assert verified(project) == (True, "expert: same bytes\nrollout: same bytes")
    assert not (project / ".ilkit/verify").exists()


def test_one_bit_of_the_lock(project: Path) -> None:
    digest = read_lock(project)["rollout"].outputs["rollout"]
    flipped = f"{int(digest[0], 16) ^ 1:x}{digest[1:]}"
    (project / "dvc.lock").write_text((project / "dvc.lock").read_text().replace(digest, flipped))
    same, said = verified(project)
    assert not same
    assert "expert: same bytes\n" in said
    assert f"rollout: other bytes: {flipped[:-4]} then, {digest[:-4]} now" in said
    assert "only digests were compared" in said


def test_another_seed_and_other_settings_are_named(project: Path) -> None:
    params = (
        (project / "params.yaml")
        .read_text()
        .replace("seed: 3", "seed: 4\ninstruction_set: native")
        .replace("lqr: {}", "lqr: {}", 1)
    )
    (project / "params.yaml").write_text(params)
    same, said = verified(project, "rollout")
    assert not same
    assert "    seed: 3 then, 4 now\n    instruction_set: avx2 then, native now" in said
    assert "rollout: other bytes" in said
    assert "differs most by" in said


def test_a_small_difference_is_measured(project: Path) -> None:
    path = project / "artifacts/rollout/arrays.safetensors"
    arrays = load_file(path)
    arrays["obs"] = arrays["obs"] + np.float32(1e-5)
    save_file(arrays, path)
    lock(project)
    same, said = verified(project)
    assert not same
    assert "expert: same bytes\nrollout: equal within 1" in said
    assert "e-05 (obs), but other bytes" in said


def test_a_stage_answers_for_itself_and_needs_its_input(project: Path) -> None:
    (project / "artifacts/expert.log").write_text("python: 3.11.7, jax: 0.1, jaxlib: 0.1\nprocessor: an abacus\n")
    same, said = verified(project)
    assert same
    assert "    jaxlib: 0.1 then, " in said
    assert "    processor: an abacus then, " in said
    shutil.rmtree(project / "artifacts/expert")
    with pytest.raises(ArtifactError, match=r"artifacts/expert must be the artifact that dvc.lock names. Fetch it"):
        verified(project, "rollout")
    with pytest.raises(WiringError, match="Did you mean 'rollout'"):
        verified(project, "rolout")


def test_a_lock_that_is_missing_or_foreign(project: Path) -> None:
    for text in ("[]", "stages: {expert: {}}", "stages: 1", "a: [", "\0"):
        (project / "dvc.lock").write_text(text)
        with pytest.raises(WiringError, match=r"dvc\.lock"):
            verified(project)
    (project / "dvc.lock").unlink()
    with pytest.raises(WiringError, match=r"There is no .*dvc\.lock\. Run `dvc repro`"):
        verified(project)
