"""A stage of a plug-in's own: several artifacts, optional inputs, and what is refused before anything runs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ilkit import save
from ilkit.errors import DataError, ParamsError, WiringError
from ilkit.running.components import write_components
from ilkit.running.pipelines import load_pipeline, read_plan
from ilkit.running.run import run_stage
from tests.running.projects import write_pipeline

pytestmark = pytest.mark.bits

DECLARES = """
    from typing import NamedTuple
    from ilkit.data.demonstrations import Demonstrations
    from ilkit.data.policy import Policy
    from ilkit.data.seeds import Seeds
    from ilkit.declaration import stage
    from ilkit.spec import Spec

    class Halves(NamedTuple):
        first: Demonstrations
        second: Demonstrations

    @stage
    def halve(spec: Spec, demos: Demonstrations, expert: Seeds[Policy] | None = None) -> Halves:
        '''Demonstrations once and twice.'''
"""

KIND = """
    from typing import Literal
    from ilkit.data.demonstrations import Demonstrations, concatenate
    from ilkit.data.policy import Policy
    from ilkit.data.seeds import Seeds
    from ilkit.spec import Spec
    from halve_declared import Halves

    class {spec}(Spec):
        '''The same episodes once and twice.'''
        kind: Literal["{kind}"] = "{kind}"

    def halve(spec: {spec}, demos: Demonstrations{more}) -> Halves:
        return {returned}
"""

EPISODES = "Halves(demos, concatenate([demos, demos]))"

PIPELINE = """
from ilkit import pipeline, stages

@pipeline
def halves(params):
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    halves = stages.halve(params.halve, demos{given})
    return stages.imitate(params.imitate, params.policy, halves.second)
"""

PARAMS = """
seed: 3
num_threads: 1
env: {kind: point_mass, point_mass: {max_steps: 5}}
expert: {kind: lqr, lqr: {}}
rollout: {kind: episodes, episodes: {num_episodes: 4}}
halve: {kind: episodes, episodes: {}}
network: {kind: mlp, mlp: {hidden: [8]}}
policy: {kind: deterministic, deterministic: {}}
imitate: {kind: bc, bc: {num_steps: 3}}
"""


@pytest.fixture
def project(tmp_path: Path, install: Callable[..., Path]) -> Path:
    install("ilkit-halve", "ilkit.stages", "halve = halve_declared:halve", DECLARES)
    for kind, more, returned in (
        ("episodes", "", EPISODES),
        ("watched", ", expert: Seeds[Policy]", EPISODES),
        ("listed", "", "[demos, demos]"),
        ("mixed", "", "Halves(demos, 3)"),
    ):
        source = KIND.format(spec=kind.capitalize(), kind=kind, more=more, returned=returned)
        install(f"ilkit-{kind}", "ilkit.halve", f"{kind} = halve_{kind}:halve", source)
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder)
    return folder


def write(folder: Path, given: str = "", kind: str = "episodes") -> None:
    params = PARAMS.replace("kind: episodes, episodes: {}}", f"kind: {kind}, {kind}: {{}}}}")
    write_pipeline(folder, PIPELINE.format(given=given), params)


def test_each_artifact_of_a_stage_is_an_output_of_its_own(project: Path) -> None:
    written = (project / "dvc.yaml").read_text()
    assert "    outs:\n    - artifacts/halve/first\n    - artifacts/halve/second\n" in written
    assert "    deps:\n    - artifacts/halve/second\n" in written
    made = load_pipeline(project / "pipeline.py").run(project / "params.yaml")
    assert list(made) == ["expert", "rollout", "halve/first", "halve/second", "imitate"]
    np.testing.assert_array_equal(made["halve/second"].obs, np.tile(made["rollout"].obs, (2, 1)))
    write_components(project)
    for stage in ("expert", "rollout", "halve", "imitate"):
        run_stage(read_plan(project), stage, project)
    for name, artifact in made.items():
        save(artifact, project / "memory" / name)
        for path in (project / "memory" / name).iterdir():
            assert path.read_bytes() == (project / "artifacts" / name / path.name).read_bytes()


def test_all_artifacts_at_once_are_no_input(project: Path) -> None:
    text = (project / "pipeline.py").read_text().replace("halves.second", "halves")
    (project / "pipeline.py").write_text(text)
    with pytest.raises(WiringError, match=r"all that halve makes \(choose one of first, second\)"):
        assert load_pipeline(project / "pipeline.py").graph


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        (", expert=expert", "episodes", "halve.kind: episodes takes no expert, .* a kind that takes it: watched."),
        ("", "watched", "halve.kind: watched needs expert, which the pipeline doesn't hand to halve"),
    ],
)
def test_an_input_that_the_kind_does_not_take_or_needs_is_refused(
    project: Path, given: str, kind: str, said: str
) -> None:
    write(project, given, kind)
    with pytest.raises(ParamsError, match=said):
        load_pipeline(project / "pipeline.py").run(project / "params.yaml")
    write(project, ", expert=expert", "watched")
    assert load_pipeline(project / "pipeline.py").run(project / "params.yaml")["halve/second"].num_episodes == 8


@pytest.mark.parametrize(("kind", "said"), [("listed", "must make Halves.*got list"), ("mixed", "Demonstrations.*int")])
def test_a_stage_that_returns_something_else_than_it_declares_is_refused(project: Path, kind: str, said: str) -> None:
    write(project, kind=kind)
    with pytest.raises(DataError, match=said):
        load_pipeline(project / "pipeline.py").run(project / "params.yaml")


def test_a_wrong_stage_names_the_nearest(project: Path) -> None:
    text = (project / "pipeline.py").read_text().replace("stages.halve", "stages.halv")
    (project / "pipeline.py").write_text(text)
    with pytest.raises(WiringError, match=r"No stage is called 'halv'\. Did you mean 'halve'"):
        assert load_pipeline(project / "pipeline.py").graph
