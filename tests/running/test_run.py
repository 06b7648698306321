import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from ilkit import load, save
from ilkit.errors import ParamsError, WiringError
from ilkit.running.components import write_components
from ilkit.running.pipelines import load_pipeline, read_plan
from ilkit.running.run import run_stage
from tests.running.projects import write_pipeline

pytestmark = pytest.mark.bits

PIPELINE = """
from ilkit import pipeline, stages

@pipeline
def clone(params):
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    return stages.imitate(params.imitate, params.policy, demos)
"""

PARAMS = """
seed: 3
num_threads: 1
env: {{kind: point_mass, point_mass: {{}}}}
expert: {{kind: lqr, lqr: {{}}}}
rollout: {{kind: episodes, episodes: {{num_episodes: 4}}}}
network: {{kind: mlp, mlp: {{hidden: [8]}}}}
policy: {{kind: deterministic, deterministic: {{}}}}
imitate: {{kind: bc, bc: {{num_steps: {num_steps}, num_seeds: 2}}}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_components(write_pipeline(tmp_path, PIPELINE, PARAMS.format(num_steps=300), "pipelines/clone.py"))
    return tmp_path


def ilkit(project: Path, *arguments: str) -> subprocess.Popen[bytes]:
    cache = project.parent / "cache"  # for all processes that these tests start, and for nobody else
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "ilkit", *arguments]
    with (project / "said").open("wb") as said:
        return subprocess.Popen(command, cwd=project, env=environment, stdout=said, stderr=said)


def artifacts(project: Path) -> dict[str, bytes]:
    files = sorted((project / "artifacts").rglob("*"))
    return {
        str(path.relative_to(project)): path.read_bytes() for path in files if path.suffix in (".json", ".safetensors")
    }


def run_all(project: Path) -> dict[str, bytes]:
    for stage in ("expert", "rollout", "imitate"):
        assert ilkit(project, "run", stage).wait() == 0, (project / "said").read_text()
    return artifacts(project)


def test_two_processes_and_a_run_in_memory_write_the_same_bytes(project: Path) -> None:
    by_processes = run_all(project)
    assert len(by_processes) == 6
    pipeline = load_pipeline(project / "pipelines/clone.py")
    for name, made in pipeline.run(project / "params.yaml").items():
        save(made, project / "artifacts" / name)
    assert artifacts(project) == by_processes


def test_what_learns_nothing_takes_no_step_and_is_written(project: Path) -> None:
    params = (project / "params.yaml").read_text().replace("kind: bc, bc: {num_steps: 300,", "kind: none, none: {")
    (project / "params.yaml").write_text(params)
    assert "artifacts/imitate/arrays.safetensors" in run_all(project)
    assert "0 steps x 2 seeds\n" in (project / "said").read_text()


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(project: Path) -> None:
    (project / "params.yaml").write_text(PARAMS.format(num_steps=400_000))
    whole = run_all(project)
    for number in (signal.SIGKILL, signal.SIGINT):
        _kill_after_a_checkpoint(project, "imitate", number)
        assert ilkit(project, "run", "imitate").wait() == 0
        assert "resumed at step" in (project / "said").read_text()
        assert artifacts(project) == whole
        assert not list((project / ".ilkit/checkpoints").glob("imitate-*"))


def test_a_run_on_the_host_that_was_killed_goes_on_to_the_same_bytes(project: Path) -> None:
    params = PARAMS.format(num_steps=2).replace("kind: lqr, lqr: {}", "kind: trained, trained: {num_steps: 150}")
    env = "kind: gymnasium, gymnasium: {id: Pendulum-v1, max_steps: 70}"
    (project / "params.yaml").write_text(params.replace("kind: point_mass, point_mass: {}", env))
    assert ilkit(project, "run", "expert").wait() == 0, (project / "said").read_text()
    whole = artifacts(project)
    _kill_after_a_checkpoint(project, "expert", signal.SIGKILL)
    assert ilkit(project, "run", "expert").wait() == 0
    assert "resumed at step" in (project / "said").read_text()
    assert artifacts(project) == whole


def _kill_after_a_checkpoint(project: Path, stage: str, number: signal.Signals) -> None:
    (project / f"artifacts/{stage}/spec.json").unlink()
    process = ilkit(project, "run", stage)
    checkpoints = project / ".ilkit/checkpoints"
    deadline = time.monotonic() + 120
    while not list(checkpoints.glob(f"{stage}-*/last.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.05)
        assert process.poll() is None, "the run must not end before it is stopped"
    process.send_signal(number)
    assert process.wait() == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    assert not (project / f"artifacts/{stage}/spec.json").exists()


def test_an_in_memory_run_refuses_a_backend_with_another_number_of_threads(project: Path) -> None:
    raw = (project / "params.yaml").read_text().replace("num_threads: 1", "num_threads: 3")
    (project / "params.yaml").write_text(raw)
    with pytest.raises(ParamsError, match="num_threads: must be what JAX was started with"):
        load_pipeline(project / "pipelines/clone.py").run(project / "params.yaml")


def test_policies_are_kept_along_training_and_what_is_to_remark_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloned = "    cloned = stages.imitate(params.imitate, params.policy, demos)\n"
    tuned = "    return stages.finetune(params.finetune, params.exploration, params.env, cloned)\n"
    text = PIPELINE.replace("    return stages.imitate(params.imitate, params.policy, demos)\n", cloned + tuned)
    small = "num_steps: 6, num_envs: 2, batch_size: 4, critic_hidden: [4], critic_warmup_steps: 2, num_seeds: 2"
    chosen = "exploration: {kind: none, none: {}}\nfinetune: {kind: td3, td3: {" + small + ", "
    chosen += "num_snapshots: 3, clone_weight: 1.0e+6}}\n"
    write_components(write_pipeline(tmp_path, text, PARAMS.format(num_steps=2) + chosen))
    for stage in read_plan(tmp_path).graph.nodes:
        run_stage(read_plan(tmp_path), stage, tmp_path)
    told = capsys.readouterr().out.splitlines()[-1]
    assert "the policy never moved: from the middle of training on" in told
    assert "return unknown (no episode ended in 2 seeds)" in told
    cloned, tuned = (load(tmp_path / "artifacts" / stage) for stage in ("imitate", "finetune"))
    assert cloned.snapshots is None
    assert tuned.snapshots.env_steps.tolist() == [0, 4, 8]
    first, second, third = ([one.tobytes() for one in jax.tree.leaves(one.stacked)] for one in tuned.snapshots)
    assert first == second != third
    assert first == [np.asarray(one).tobytes() for one in jax.tree.leaves(cloned.stacked)]


def test_an_unknown_stage_names_the_nearest(project: Path) -> None:
    with pytest.raises(WiringError, match="Did you mean 'imitate'"):
        run_stage(read_plan(project), "imitat", project)


def test_a_stage_that_takes_one_policy_refuses_several_seeds(tmp_path: Path) -> None:
    (tmp_path / "again.py").write_text(
        PIPELINE.replace("return stages.imitate(params.imitate, params.policy, demos)", "")
        + "    cloned = stages.imitate(params.imitate, params.policy, demos)\n"
        + "    return stages.rollout(params.rollout, params.env, cloned, name='again')\n"
    )
    (tmp_path / "params.yaml").write_text(PARAMS.format(num_steps=2))
    with pytest.raises(ParamsError, match=r"rollout\.episodes\.expert: must have one training seed, and imitate has 2"):
        load_pipeline(tmp_path / "again.py").run(tmp_path / "params.yaml")


def test_faults_are_found_before_anything_runs(project: Path) -> None:
    with pytest.raises(ParamsError, match="seed"):
        load_pipeline(project / "pipelines/clone.py").run({"num_threads": 1})


def test_policies_that_practice_are_kept_along_training_and_what_they_gathered_at_its_end(tmp_path: Path) -> None:
    begin = PIPELINE[: PIPELINE.index("    expert")]
    (tmp_path / "practice.py").write_text(
        f"{begin}    return stages.interact(params.interact, params.policy, params.env)\n"
    )
    params = {
        **{"seed": 3, "num_threads": 1},
        "env": {"kind": "point_room", "point_room": {"max_steps": 3}},
        "network": {"kind": "mlp", "mlp": {"hidden": [4]}},
        "policy": {"kind": "categorical", "categorical": {}},
        "interact": {"kind": "gcsl", "gcsl": {"num_rounds": 4, "updates": 2, "num_seeds": 2, "num_snapshots": 2}},
    }
    made = load_pipeline(tmp_path / "practice.py").run(params)
    policy, gathered = (made[f"interact/{name}"] for name in ("policy", "demos"))
    assert policy.snapshots.env_steps.tolist() == [0, 6]
    assert gathered.snapshots is None
    assert gathered[0].demonstrations().num_steps == 12
