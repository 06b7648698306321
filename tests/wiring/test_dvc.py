"""The pipeline as DVC sees it: what reruns after which change, in a project with its own copy of the code."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ilkit.running.pipelines import load_pipeline
from ilkit.wiring.dvc import compile_pipeline
from ilkit.wiring.lock import folder_digest, read_lock

ROOT = Path(__file__).parents[2]

PIPELINE = """
from ilkit import pipeline, stages

@pipeline
def clone_and_replay(params):
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    cloned = stages.imitate(params.imitate, params.policy, demos)
    return stages.rollout(params.rollout, params.env, cloned, name="replay")
"""

PARAMS = """
seed: 3
num_threads: 1
env: {kind: point_mass, point_mass: {}}
expert: {kind: lqr, lqr: {}}
rollout: {kind: episodes, episodes: {num_episodes: 2}}
network: {kind: mlp, mlp: {hidden: [8]}}
policy: {kind: deterministic, deterministic: {}}
imitate: {kind: bc, bc: {num_steps: 20, learning_rate: 0.001}, f_divergence: {}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "ilkit", tmp_path / "ilkit", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / ".dvc", tmp_path / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / ".gitignore").write_text(".ilkit/\n.cache/\n*.log\n__pycache__/\n")
    compiled = compile_pipeline(load_pipeline(tmp_path / "pipeline.py").graph, "pipeline.py")
    compiled = compiled[: compiled.index("metrics:")]  # there is no report in this pipeline
    (tmp_path / "dvc.yaml").write_text(compiled)
    git = ["git", "-c", "user.email=a@b", "-c", "user.name=c"]
    subprocess.run([*git, "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run([*git, "add", "."], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "start"], cwd=tmp_path, check=True)
    return tmp_path


def dvc(project: Path, *arguments: str) -> str:
    environment = {**os.environ, "XDG_CACHE_HOME": str(project / ".cache"), "PYTHONWARNINGS": "ignore"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=project, env=environment, text=True, capture_output=True, check=False)
    return done.stdout + done.stderr


def stages_run(said: str) -> list[str]:
    return [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]


def test_what_reruns_after_which_change(project: Path) -> None:
    assert stages_run(dvc(project, "repro")) == ["components", "expert", "rollout", "imitate", "replay"]
    assert stages_run(dvc(project, "repro")) == ["components"]
    locked = {name: lock.outputs[name] for name, lock in read_lock(project).items()}
    assert locked == {name: folder_digest(project / "artifacts" / name) for name in locked}
    assert list(locked) == ["expert", "rollout", "imitate", "replay"]

    source = project / "ilkit/imitate/bc.py"
    source.write_text(source.read_text() + "\n# a comment\n")
    assert stages_run(dvc(project, "repro")) == ["components"]
    source.write_text(source.read_text() + "\n_NEW = 1\n")
    assert stages_run(dvc(project, "repro")) == ["components", "imitate"], "equal bytes skip what follows"

    params = project / "params.yaml"
    params.write_text(PARAMS.replace("f_divergence: {}", "f_divergence: {num_steps: 3}"))
    assert stages_run(dvc(project, "repro")) == ["components"], "a candidate that isn't chosen reruns nothing"

    params.write_text(PARAMS.replace("num_steps: 20", "num_steps: -20"))
    before = {path: path.stat().st_mtime_ns for path in (project / "artifacts").rglob("*")}
    said = dvc(project, "repro")
    assert "error: imitate.bc.num_steps: must be greater than 0, got -20" in said
    assert "Traceback" not in said
    assert {path: path.stat().st_mtime_ns for path in (project / "artifacts").rglob("*")} == before

    params.write_text(PARAMS.replace("0.001", "0.002"))
    assert stages_run(dvc(project, "repro")) == ["components", "imitate", "replay"]
    params.write_text(PARAMS)
    assert stages_run(dvc(project, "repro")) == ["components"], "going back is found in the run cache"


def test_a_project_runs_its_own_copy_of_the_code(project: Path) -> None:
    source = project / "ilkit/expert/lqr.py"
    source.write_text(source.read_text().replace('"""', '"""Changed. ', 1) + '\nraise ImportError("the copy")\n')
    assert "lqr of ilkit 0.1.0 can't be imported" in dvc(project, "repro")


def test_the_users_own_module_counts_as_code_of_the_environment_that_it_registers(project: Path) -> None:
    registers = "from gymnasium import register\nregister('Reach-v0', 'gymnasium.envs.classic_control:PendulumEnv')\n"
    (project / "robots.py").write_text(registers)
    chosen = "env: {kind: gymnasium, gymnasium: {id: 'robots:Reach-v0', max_steps: 5}}"
    params = PARAMS.replace("expert: {kind: lqr, lqr: {}}", "expert: {kind: trained, trained: {}}")
    (project / "params.yaml").write_text(params.replace("env: {kind: point_mass, point_mass: {}}", chosen))

    def digests() -> dict[str, dict[str, str]]:
        subprocess.run([sys.executable, "-m", "ilkit", "components"], cwd=project, check=True)
        return dict(json.loads((project / "components.json").read_text()))

    before = digests()
    assert digests() == before
    (project / "robots.py").write_text(registers + "print()\n")
    after = digests()
    assert {block for block in after if after[block] != before[block]} == {"env"}

    (project / "robots.py").unlink()
    (project / "robots").mkdir()
    (project / "robots" / "__init__.py").write_text(registers)
    package = digests()
    (project / "robots" / "__pycache__").mkdir(exist_ok=True)
    (project / "robots" / "__pycache__" / "__init__.pyc").write_bytes(b"compiled")
    assert digests() == package != after
