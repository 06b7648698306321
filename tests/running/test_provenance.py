"""Reports say what made them, in the same bytes with files and in memory."""

from pathlib import Path

import pytest

from ilkit.artifact.store import save
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
    few = stages.rollout(params.few, params.env, expert)
    cloned = stages.imitate(params.imitate, params.policy, few)
    return stages.evaluate(params.evaluate, params.env, demos, expert, cloned=cloned)
"""

PARAMS = """
seed: 3
num_threads: 1
env: {kind: point_mass, point_mass: {max_steps: 10}}
expert: {kind: lqr, lqr: {}}
rollout: {kind: episodes, episodes: {num_episodes: 4}}
few: {kind: episodes, episodes: {num_episodes: 2}}
network: {kind: mlp, mlp: {hidden: [8]}}
policy: {kind: deterministic, deterministic: {}}
imitate: {kind: bc, bc: {num_steps: 20, num_seeds: 2}}
evaluate: {kind: returns, returns: {num_episodes: 3, num_resamples: 50}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "components.json").write_text("{}")
    return write_pipeline(folder, PIPELINE, PARAMS)


def test_a_report_says_the_same_with_files_and_in_memory(project: Path) -> None:
    plan = read_plan(project)
    for stage in plan.graph.nodes:
        run_stage(plan, stage, project)
    made = load_pipeline(project / "pipeline.py").run(project / "params.yaml")["evaluate"]
    save(made, project / "memory")
    files = {path.name: path.read_bytes() for path in (project / "artifacts/evaluate").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (project / "memory").iterdir()}
    made_by = made.metrics["made_by"]
    assert [stage["stage"] for stage in made_by["stages"]] == ["expert", "rollout", "few", "imitate", "evaluate"]
    assert made_by["stages"][3]["inputs"] == {"demos": "few"}
    assert made_by["stages"][3]["blocks"]["network"]["mlp"]["hidden"] == [8]
    assert made_by["learnt_from"] == ["`cloned` learnt from `few`"]


def test_dvc_makes_a_report_again_when_a_setting_that_it_tells_changes(project: Path) -> None:
    text = (project / "dvc.yaml").read_text()
    evaluate, imitate = text[text.index("  evaluate:") :], text[text.index("  imitate:") : text.index("  evaluate:")]
    assert "imitate.${imitate.kind}" in evaluate
    assert "few.${few.kind}" in evaluate
    assert "few" not in imitate.replace("artifacts/few", "")
