"""The commands: thin, and quick to start, for each imports what it needs when it runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ilkit.cli.data import data
from ilkit.cli.explained import FAILED, INTERRUPTED, Commands, explained


@click.group(cls=Commands)
@click.version_option(package_name="ilkit")
def command_line() -> None:
    """Imitation learning in pure JAX, chained by DVC into pipelines that rerun to the same bytes."""


@command_line.command()
@explained
def check() -> None:
    """Validate params.yaml and the wiring of this folder's pipeline; writes nothing."""
    from ilkit.running.check import check as check_folder
    from ilkit.running.check import notes

    for note in notes(check_folder(Path())):
        click.echo(f"note: {note}", err=True)
    click.echo("params.yaml and the pipeline are valid.")


@command_line.command("compile")
@click.argument("pipeline", required=False, type=click.Path(path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit with 1 if dvc.yaml is out of step.")
@explained
def compile_command(pipeline: Path | None, only_check: bool) -> None:
    """Write dvc.yaml from PIPELINE, by default the one that it was written from before."""
    from ilkit.running.pipelines import load_pipeline
    from ilkit.wiring.dvc import compile_pipeline
    from ilkit.wiring.project import pipeline_of

    path = pipeline or pipeline_of(Path())
    text = compile_pipeline(load_pipeline(path).graph, path.as_posix())
    written = Path("dvc.yaml")
    if only_check:
        if not written.exists() or written.read_text(encoding="utf-8") != text:
            click.echo("dvc.yaml is out of step with its pipeline. Run `ilkit compile`.", err=True)
            sys.exit(FAILED)
        click.echo("dvc.yaml is in step with its pipeline.")
        return
    written.write_text(text, encoding="utf-8")
    click.echo(f"Wrote dvc.yaml from {path}.")


@command_line.command()
@explained
def components() -> None:
    """Validate everything and write components.json; the first stage of every dvc.yaml."""
    from ilkit.running.components import write_components

    for note in write_components(Path()):
        click.echo(f"{note} imports by name: a change of what it imports reruns nothing.", err=True)


@command_line.command()
@click.argument("stage")
@explained
def run(stage: str) -> None:
    """Run STAGE of this folder's pipeline on the artifacts of the stages before it."""
    _set_up()
    from ilkit.running.pipelines import read_plan
    from ilkit.running.questions import run_or_ask

    with _stoppable():
        run_or_ask(read_plan(Path()), stage, Path())


@command_line.command()
@click.argument("stages", nargs=-1)
@explained
def verify(stages: tuple[str, ...]) -> None:
    """Run the pipeline, or STAGES, again beside it, and say whether that gives the bytes that dvc.lock names."""
    _set_up()
    from ilkit.running.verify import verify_folder

    with _stoppable():
        if not verify_folder(Path(), stages, click.echo):
            sys.exit(FAILED)


def _set_up() -> None:
    from ilkit.registry.settings import instruction_set, read_params, setting
    from ilkit.running.backend import set_up

    raw = read_params(Path("params.yaml"))
    for variable in set_up(setting(raw, "num_threads"), instruction_set(raw)):
        click.echo(f"{variable} is put aside: bytes depend on it.", err=True)


@contextmanager
def _stoppable() -> Iterator[None]:
    from ilkit.running.observe import StopRequestError

    try:
        yield
    except StopRequestError as stop:
        click.echo(str(stop), err=True)
        sys.exit(INTERRUPTED)


@command_line.command()
@explained
def schema() -> None:
    """Print the JSON Schema of this folder's params.yaml, for an editor to complete and check it."""
    import json

    from ilkit.registry.catalog import params_schema
    from ilkit.running.pipelines import load_pipeline
    from ilkit.wiring.project import pipeline_of

    graph = load_pipeline(pipeline_of(Path())).graph
    click.echo(json.dumps(params_schema(graph.groups()), indent=1))


@command_line.command()
@explained
def plugins() -> None:
    """List every kind: its block, distribution, version and summary; broken ones with the reason."""
    from ilkit.registry.catalog import catalog
    from ilkit.reporting.columns import aligned

    for line in aligned(list(catalog()), left=4):
        click.echo(line)


@command_line.command("new-plugin")
@click.argument("name")
@click.option("--block", default="imitate", show_default=True, help="The stage or part that it is a kind of.")
@click.option("--stage", help="The name of a stage of your own that it declares, and is the first kind of.")
@explained
def new_plugin(name: str, block: str, stage: str | None) -> None:
    """Write a plug-in that works, plugins/ilkit-NAME, to be edited."""
    from ilkit.scaffolding.plugin import write_plugin

    write_plugin(name, Path("plugins"), block=block, stage=stage)
    click.echo(f"Wrote plugins/ilkit-{name}. Install it: pip install -e plugins/ilkit-{name}")


@command_line.command()
@click.argument("folder", type=click.Path(path_type=Path))
@explained
def init(folder: Path) -> None:
    """Make a project in FOLDER: params.yaml, a pipeline, dvc.yaml; ready for `dvc repro`."""
    from ilkit.scaffolding.project import write_project

    write_project(folder)
    way = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    click.echo(f"Wrote a project to {folder}; inside a repository of your own, commit it. Run: {way}dvc repro")


command_line.add_command(data)
