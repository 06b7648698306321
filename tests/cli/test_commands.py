import logging
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner

from ilkit.cli.commands import command_line
from ilkit.cli.explained import explained
from tests.running.projects import write_pipeline

ROOT = Path(__file__).parents[2]

PIPELINE = """
from ilkit import pipeline, stages

@pipeline
def only_an_expert(params):
    return stages.expert(params.expert, params.env)
"""

PARAMS = """
seed: 0
num_threads: 1
env: {kind: point_mass, point_mass: {}}
expert: {kind: lqr, lqr: {}, swing_up: {}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_pipeline(tmp_path, PIPELINE, PARAMS)


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command_line, arguments)
    return result.exit_code, result.output


def test_help_does_not_import_jax() -> None:
    program = "import sys, ilkit.cli.commands; assert not {'jax', 'numpy', 'pydantic'} & set(sys.modules), 'too much'"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert "check" in call("--help")[1]


def test_warnings_are_told_without_their_place_in_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    @explained
    def command() -> None:
        warnings.simplefilter("always")
        warnings.warn("Nothing can succeed.", stacklevel=1)
        logging.getLogger("ilkit.prefer").warning("2 questions got no answer.")

    log = logging.getLogger("ilkit")
    propagates, log.propagate = log.propagate, False  # pytest listens at the root
    shown = warnings.showwarning
    try:
        command()
    finally:
        log.propagate = propagates
    assert capsys.readouterr().err == "warning: Nothing can succeed.\nwarning: 2 questions got no answer.\n"
    assert warnings.showwarning is shown
    assert not log.handlers


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("data", "chek"), "No such command 'chek'. Did you mean 'check'?"),
        (("data", "foo"), "No such command 'foo'. Choose from: check, export, filter, import, merge, show, split."),
        (("verfy",), "No such command 'verfy'. Did you mean 'verify'?"),
    ],
)
def test_a_command_that_is_not_there_is_answered_by_the_nearest(typed: tuple[str, ...], said: str) -> None:
    code, output = call(*typed)
    assert code == 2
    assert said in output


def test_check_says_what_is_wrong_exits_with_2_and_writes_nothing(project: Path) -> None:
    assert call("check") == (0, "params.yaml and the pipeline are valid.\n")
    (project / "params.yaml").write_text(PARAMS.replace("lqr, lqr", "lqr, lqt"))
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*") if path.suffix != ".pyc"}
    code, said = call("check")
    assert code == 2
    assert "error: expert.lqr: the settings of the chosen kind are missing" in said
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("id: Pendulm-v1", "gymnasium knows no environment 'Pendulm-v1'. Did you mean 'Pendulum-v1'?"),
        ("id: Pendulum-v1, kwargs: {grvity: 1.0}", "grvity"),
    ],
)
def test_check_makes_an_environment_on_the_host(project: Path, settings: str, said: str) -> None:
    env = "kind: gymnasium, gymnasium: {" + settings + "}"
    (project / "params.yaml").write_text(PARAMS.replace("kind: point_mass, point_mass: {}", env))
    code, output = call("check")
    assert code == 2
    assert "error: env.gymnasium: " in output
    assert said in output


CLONE = """
from ilkit import pipeline, stages

@pipeline
def clone(params):
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    return stages.imitate(params.imitate, params.policy, demos)
"""

BLOCKS = """
rollout: {kind: episodes, episodes: {num_episodes: 2}}
network: {kind: mlp, mlp: {hidden: [8]}}
policy: {kind: gaussian, gaussian: {}}
imitate: {kind: bc, bc: {}}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("policy: {kind: gaussian, gaussian", "policy: {kind: categorical, categorical", "policy.categorical: "),
        ("env: {kind: point_mass, point_mass", "env: {kind: pendulum, pendulum", "expert.lqr: "),
        ("hidden: [8]", "hidden: [1000000000000]", "policy.gaussian: must fit into the memory of this machine"),
        ("num_episodes: 2", "num_episodes: 1000000000", "rollout.episodes: must fit into the memory of this machine"),
        ("point_mass: {}", "point_mass: {timestep: 1.0e-50}", "timestep must be 0 or a number of 32 bits"),
    ],
)
def test_check_finds_what_a_stage_would_refuse(project: Path, old: str, new: str, said: str) -> None:
    (project / "pipeline.py").write_text(CLONE)
    (project / "params.yaml").write_text(PARAMS.replace(", swing_up: {}", "") + BLOCKS)
    assert call("check") == (0, "params.yaml and the pipeline are valid.\n")
    (project / "params.yaml").write_text((project / "params.yaml").read_text().replace(old, new))
    code, output = call("check")
    assert code == 2
    assert f"error: {said}" in output or said in output


READ = """
from ilkit import pipeline, stages

@pipeline
def read(params):
    return stages.dataset(params.dataset, params.format, params.env)
"""


def test_check_finds_recordings_whose_spaces_are_asked_for_and_not_told(project: Path) -> None:
    (project / "pipeline.py").write_text(READ)
    (project / "demos.npz").touch()
    read = "dataset: {kind: file, file: {path: demos.npz}}\nformat: {kind: npz, npz: {}}\n"
    (project / "params.yaml").write_text(
        "seed: 0\nnum_threads: 1\nenv: {kind: recorded, recorded: {}}\n" + read,
    )
    code, output = call("check")
    assert code == 2
    assert "error: dataset.file: The spaces of recordings must be told where they are asked for." in output
    action = "action: {kind: discrete, size: 2}, observation: {kind: discrete, size: 2}"
    told = (project / "params.yaml").read_text().replace("recorded: {}", "recorded: {" + action + "}")
    (project / "params.yaml").write_text(told)
    assert call("check")[0] == 0


def test_check_notes_more_threads_than_processors(project: Path) -> None:
    (project / "params.yaml").write_text(PARAMS.replace("num_threads: 1", "num_threads: 1024"))
    code, output = call("check")
    assert code == 0
    assert "note: num_threads: this machine has " in output
    assert "fewer than the 1024 threads" in output


def test_check_finds_files_that_are_missing(project: Path) -> None:
    (project / "weights.npz").touch()
    chosen = "expert: {kind: mlp, mlp: {path: weight.npz}}"
    (project / "params.yaml").write_text(PARAMS.replace("expert: {kind: lqr, lqr: {}, swing_up: {}}", chosen))
    code, output = call("check")
    assert code == 2
    assert "error: expert.mlp.path: must point to a file or folder that exists, got 'weight.npz'. " in output
    assert "Did you mean 'weights.npz'?" in output


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return stages.expert(params.expert, params.env)", "return params.expert", "must return what its last stage"),
        ("stages.expert(params.expert, params.env)", "stages.expert(params.expert)", "expert takes"),
        ("@pipeline", "", "exactly one function marked @pipeline, got 0"),
        ("import pipeline", "import pipelin", "can't be imported: ImportError"),
    ],
)
def test_a_wrong_pipeline_is_explained(project: Path, old: str, new: str, said: str) -> None:
    (project / "pipeline.py").write_text(PIPELINE.replace(old, new))
    code, output = call("check")
    assert code == 2
    assert said in output
    assert "Traceback" not in output


def test_components_keeps_the_former_file_when_params_are_wrong(project: Path) -> None:
    assert call("components")[0] == 0
    written = (project / "components.json").read_text()
    (project / "components.json").unlink()  # as DVC does before it runs the stage
    (project / "params.yaml").write_text(PARAMS.replace("kind: lqr", "kind: lqq"))
    code, said = call("components")
    assert code == 2
    assert "expert.kind must be a registered kind of expert, got 'lqq'. Did you mean 'lqr'?" in said
    assert (project / "components.json").read_text() == written


def test_components_remembers_what_it_has_validated(project: Path) -> None:
    call("components")
    program = (
        "import sys; from pathlib import Path; from ilkit.running.components import write_components; "
        "write_components(Path()); assert 'jax' not in sys.modules, 'it was validated again'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=project)


def test_compile_check_tells_whether_dvc_yaml_is_in_step(project: Path) -> None:
    assert call("compile", "--check")[0] == 0
    (project / "pipeline.py").write_text(PIPELINE.replace("params.expert,", "params.expert, name='other', env="))
    assert call("compile", "--check")[0] == 1
    assert call("compile")[0] == 0
    assert call("compile", "--check")[0] == 0


def test_compile_takes_only_python(project: Path) -> None:
    code, said = call("compile", "params.yaml")
    assert code == 2
    assert said.startswith("error: A pipeline must be a file of Python, got params.yaml.")


def test_schema_describes_every_setting(project: Path) -> None:
    code, said = call("schema")
    assert code == 0
    assert '"energy_pump"' in said
    assert '"additionalProperties": false' in said


def test_plugins_lists_every_kind_with_its_distribution_and_summary() -> None:
    code, said = call("plugins")
    assert code == 0
    assert any(line.split()[:3] == ["imitate", "bc", "ilkit"] for line in said.splitlines())
    assert "broken" not in said


@pytest.mark.parametrize(
    "folder", [path.parent for path in sorted(ROOT.glob("**/dvc.yaml"))], ids=lambda path: path.name
)
def test_the_pipelines_of_the_project_are_valid_and_in_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    recordings = "must point to a file or folder that exists, got 'data/"  # which users bring along
    said = [line for line in call("check")[1].splitlines() if recordings not in line]
    assert said in ([], ["params.yaml and the pipeline are valid."])
    assert call("compile", "--check")[0] == 0


def test_a_folder_without_a_pipeline_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("check", "compile", "components", "schema"):
        code, said = call(command)
        assert code == 2
        assert said.startswith("error: There is no ")
