"""What was preferred stands in a report beside the policies, drawn by the environment."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from ilkit.asking.stretches import stretches_of
from ilkit.data.preferences import Preferences
from ilkit.data.seeds import Seeds
from ilkit.errors import DataError
from ilkit.running.pipelines import load_pipeline

pytestmark = pytest.mark.bits

PIPELINE = """
from ilkit import pipeline, stages

@pipeline
def compare(params):
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    asked = stages.prefer(params.prefer, params.labeler, demos)
    more = stages.prefer(params.prefer, params.labeler, demos, earlier=asked, name="more")
    cloned = stages.imitate(params.imitate, params.policy, demos)
    return stages.evaluate(params.evaluate, params.env, demos, cloned=cloned, asked=more)
"""

PARAMS = """
seed: 3
num_threads: 1
env: {kind: point_mass, point_mass: {max_steps: 8}}
expert: {kind: lqr, lqr: {}}
rollout: {kind: graded, graded: {num_starts: 12, action_noise: [0.1, 3.0]}}
labeler: {kind: simulated, simulated: {}}
prefer: {kind: clips, clips: {num_pairs: 4, length: 3, same_start: true}}
network: {kind: mlp, mlp: {hidden: [8]}}
policy: {kind: deterministic, deterministic: {}}
imitate: {kind: bc, bc: {num_steps: 2, num_seeds: 1}}
evaluate: {kind: returns, returns: {num_episodes: 2, num_resamples: 20}}
"""


def answered(demos: Any) -> Preferences:
    clips = stretches_of(demos, 4, at="length")
    sides = [demos.stretches(clips.rows[at], clips.lengths[at].astype(np.int32)) for at in (np.r_[0, 9], np.r_[20, 30])]
    return Preferences(*sides, np.asarray([1.0, 0.5], np.float32))


def test_answers_are_shown_and_counted_beside_policies(push: Any, weak: Any) -> None:
    report = push.evaluate(cloned=weak, asked=answered(push.demos))
    assert report.metrics["answers"]["asked"]["pairs"] == 2
    assert report.metrics["answers"]["asked"]["ties"] == 0.5
    assert "Answers: asked" in report.html
    assert "answers" not in push.evaluate(cloned=weak).metrics
    with pytest.raises(DataError, match=r"at least one policy.*got asked\. Hand one over"):
        push.evaluate(asked=answered(push.demos))


def test_curves_of_alignment_have_words_of_their_own(push: Any, weak: Any) -> None:
    curves = {name: np.full((weak.num_seeds, 2), 0.5) for name in ("accuracy", "chosen_reward", "rejected_reward")}
    aligned = Seeds(weak.stacked, {"step": np.arange(1, 3), **curves}, weak.num_seeds)
    page = push.evaluate(aligned=aligned).html
    assert "Discriminator" not in page
    for said in ("Agreement with answers", "Reward of preferred clips", "Reward of the other clips"):
        assert f">{said}<" in page
    adversarial = Seeds(weak.stacked, {"step": np.arange(1, 3), "accuracy": curves["accuracy"]}, weak.num_seeds)
    assert "Discriminator" in push.evaluate(adversarial=adversarial).html


@pytest.mark.filterwarnings("ignore")
def test_a_pipeline_hands_them_over(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text(PARAMS)
    made = load_pipeline(tmp_path / "pipeline.py").run(tmp_path / "params.yaml")
    assert made["more"].num_pairs == 8
    assert made["evaluate"].metrics["answers"]["asked"] == {"pairs": 8, "ties": 0.0, "follows_return": 1.0}
    first = jax.tree.map(np.asarray, made["prefer"].first)
    assert (first.obs == made["more"].take(np.arange(4)).first.obs).all()
