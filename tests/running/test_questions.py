"""A stage that asks a person shows the clips, stops, and goes on once they are answered."""

from pathlib import Path

import pytest

from ilkit import load
from ilkit.asking.queue import OpenQuestionsError
from ilkit.errors import ParamsError
from ilkit.running.components import write_components
from ilkit.running.pipelines import read_plan
from ilkit.running.questions import run_or_ask
from tests.running.projects import write_pipeline

pytestmark = pytest.mark.bits

PIPELINE = """
from ilkit import pipeline, stages

@pipeline
def ask(params):
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    return stages.prefer(params.prefer, params.labeler, demos)
"""

PARAMS = """
seed: 3
num_threads: 1
env: {kind: pendulum, pendulum: {max_steps: 20}}
expert: {kind: swing_up, swing_up: {}}
rollout: {kind: graded, graded: {num_starts: 3, action_noise: [0.1, 3.0]}}
labeler: {kind: queue, queue: {folder: asked}}
prefer: {kind: clips, clips: {num_pairs: 3, length: 4}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_components(write_pipeline(tmp_path, PIPELINE, PARAMS))
    return tmp_path


def test_a_person_is_asked_by_pictures_of_the_environment_and_the_answers_are_kept(project: Path) -> None:
    for stage in ("expert", "rollout"):
        run_or_ask(read_plan(project), stage, project)
    with pytest.raises(OpenQuestionsError, match="3 questions wait for answers"):
        run_or_ask(read_plan(project), "prefer", project)
    assert len(list((project / "asked").glob("*.gif"))) == 3
    assert not (project / "artifacts" / "prefer").exists()
    table = project / "asked" / "answers.csv"
    before = (project / "components.json").read_text()
    head, *lines = table.read_text().splitlines()
    table.write_text("\n".join([head, lines[0] + "first", lines[1] + "second", lines[2] + "skip"]))
    run_or_ask(read_plan(project), "prefer", project)
    assert sorted(load(project / "artifacts" / "prefer").probability.tolist()) == [0.0, 1.0]
    write_components(project)
    assert (project / "components.json").read_text() != before  # so that DVC asks again once an answer has changed


def test_a_stage_that_is_handed_what_its_kind_does_not_take_says_so_as_check_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pipeline = (
        "from ilkit import pipeline, stages\n\n@pipeline\ndef read(params):\n"
        "    return stages.comparisons(params.comparisons, params.env)\n"
    )
    params = "seed: 3\nnum_threads: 1\nenv: {kind: pendulum, pendulum: {}}\ncomparisons: {kind: jsonl, jsonl: {}}\n"
    (tmp_path / "comparisons.jsonl").write_text('{"chosen": "yes", "rejected": "no"}\n')
    write_pipeline(tmp_path, pipeline, params)
    with pytest.raises(ParamsError, match=r"comparisons\.kind: jsonl takes no env"):
        run_or_ask(read_plan(tmp_path), "comparisons", tmp_path)
