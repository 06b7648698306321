"""A pipeline of recordings alone: nothing is run, and policies are held against what they didn't learn from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ilkit.running.pipelines import load_pipeline

PIPELINE = """
from ilkit import pipeline, stages

@pipeline
def clone_recordings(params):
    demos = stages.dataset(params.dataset, params.format, params.env)
    held_out = stages.dataset(params.held_out, params.format, params.env)
    cloned = stages.imitate(params.imitate, params.policy, demos)
    return stages.evaluate(params.evaluate, params.env, demos, held_out=held_out, cloned=cloned)
"""

PARAMS = """
seed: 0
num_threads: 1
env:
  kind: recorded
  recorded:
    observation: {kind: box, low: [-.inf, -.inf], high: [.inf, .inf]}
    action: {kind: box, low: [-9, -9], high: [9, 9]}
format: {kind: npz, npz: {}}
dataset: {kind: file, file: {path: learnt.npz}}
held_out: {kind: file, file: {path: held_out.npz}}
network: {kind: mlp, mlp: {hidden: [16]}}
policy: {kind: gaussian, gaussian: {}}
imitate: {kind: bc, bc: {num_steps: 400, num_seeds: 2}}
evaluate: {kind: returns, returns: {num_resamples: 200}}
"""


def record(path: Path, seed: int, num_episodes: int) -> None:
    """Episodes whose first action follows from the observation, and whose second one is noise."""
    generator = np.random.default_rng(seed)
    obs = generator.normal(size=(num_episodes * 20, 2)).astype(np.float32)
    actions = np.stack([obs @ [1.0, -2.0], generator.normal(size=len(obs))], axis=1).astype(np.float32)
    ends = np.arange(len(obs)) % 20 == 19
    np.savez(path, observations=obs, actions=actions, terminations=ends)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("recordings")
    record(folder / "learnt.npz", 0, 20)
    record(folder / "held_out.npz", 1, 5)
    (folder / "pipeline.py").write_text(PIPELINE)
    (folder / "params.yaml").write_text(PARAMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return load_pipeline(folder / "pipeline.py").run(folder / "params.yaml")["evaluate"]


def test_what_was_held_out_is_told_with_a_number_for_each_action(report):
    assert list(report.metrics) == ["cloned", "held_out", "made_by"]
    assert report.metrics["held_out"] == {"source": "held_out", "num_episodes": 5, "num_steps": 95}
    fit = report.metrics["cloned"]["fit"]
    assert fit["action_0"]["agreement"] > 0.9 > 0.1 > fit["action_1"]["agreement"]
    assert fit["action_0"]["low"] <= fit["action_0"]["agreement"] <= fit["action_0"]["high"]
    assert fit["action_1"]["error"] == pytest.approx(1.0, abs=0.3)
    assert np.isfinite(fit["loss"])


def test_the_page_and_the_summary_say_the_same(report):
    assert "5 held-out episodes (95 steps)" in report.summary
    assert "Evaluation on recordings" in report.html
    assert "Fit to recorded actions" in report.html
    assert "nothing was run" in report.html
    assert "<h2>Returns" not in report.html


def test_what_dvc_plots_has_a_column_of_every_policy(report):
    assert np.isnan(report.tables["learning_curves"]["cloned"]).all()
    assert report.tables["returns"]["policy"] == []
    assert report.tables["fit"]["action"] == [0, 1]
