"""The commands `ilkit data`: recorded demonstrations in and out, looked at, checked and edited."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ilkit.cli.explained import FAILED, Commands, explained
from ilkit.errors import DataError, ParamsError, counted

if TYPE_CHECKING:
    from ilkit.data.demonstrations import Demonstrations

_PATH = click.Path(path_type=Path)
_force = click.option("--force", is_flag=True, help="Replace artifacts that are there already.")
_SETTING = click.option("-s", "settings", multiple=True, metavar="FIELD=VALUE", help="A setting of KIND, as in YAML.")


@click.group(cls=Commands)
def data() -> None:
    """Import, export and look at recorded demonstrations."""


@data.command("import")
@click.argument("kind")
@click.argument("path", type=_PATH)
@click.argument("artifact", type=_PATH)
@_SETTING
@click.option("--keep-going", is_flag=True, help="Leave out episodes that can't be used, and say which.")
@_force
@explained
def import_command(
    kind: str, path: Path, artifact: Path, settings: tuple[str, ...], keep_going: bool, force: bool
) -> None:
    """Read the recording at PATH, of a KIND that `ilkit plugins` lists under format, into ARTIFACT."""
    from ilkit.curating.transfer import import_demonstrations

    notes: list[str] = []
    parsed = _parsed(settings) | ({"keep_going": True} if keep_going else {})
    demos = import_demonstrations(kind, path, artifact, parsed, note=notes.append, force=force)
    for note in notes:
        click.echo(f"note: {note}")
    click.echo(f"Wrote {artifact}: {_summary(demos)}.")


@data.command("export")
@click.argument("kind")
@click.argument("artifact", type=_PATH)
@click.argument("path", type=_PATH)
@_SETTING
@explained
def export_command(kind: str, artifact: Path, path: Path, settings: tuple[str, ...]) -> None:
    """Write the demonstrations in ARTIFACT to PATH, in the format KIND; say what it can't hold."""
    from ilkit.curating.transfer import export_demonstrations

    losses = export_demonstrations(kind, artifact, path, _parsed(settings))
    click.echo(f"Wrote {path}.")
    for loss in losses or ["Nothing is lost."]:
        click.echo(f"note: {loss}")


@data.command()
@click.argument("artifact", type=_PATH)
@click.option("--html", "page", type=_PATH, help="Also draw a page of histograms and curves into this file.")
@explained
def show(artifact: Path, page: Path | None) -> None:
    """Print how much ARTIFACT holds, its returns, and the range of every dimension."""
    from ilkit.curating.reading import read_sound
    from ilkit.curating.summary import summarize
    from ilkit.curating.table import told

    demos = read_sound(artifact)
    summary = summarize(demos)
    click.echo(told(summary, demos.spaces))
    if page:
        from ilkit.curating.flat import as_vectors
        from ilkit.curating.page import render

        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(render(as_vectors(demos), summary, artifact.resolve().name), encoding="utf-8", newline="\n")
        click.echo(f"Wrote {page}.")


@data.command()
@click.argument("artifact", type=_PATH)
@click.option("--env", "name", help="Replay in this environment: a kind of ilkit's, or a name of gymnasium's.")
@click.option("--params", type=_PATH, help="Replay in the environment of this params.yaml, with its settings.")
@click.option("--replay", "limit", type=click.IntRange(1), default=1000, show_default=True, help="How many steps.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0.0, min_open=True),
    default=0.01,
    show_default=True,
    help="How far off a replayed step may be, in units of what changes in a step.",
)
@explained
def check(artifact: Path, name: str | None, params: Path | None, limit: int, tolerance: float) -> None:
    """Find defects in ARTIFACT, a line for each kind; exit with 1 where there are any.

    With an environment, also replay recorded actions in recorded states and compare what is observed next.
    """
    from ilkit.curating.faults import find_faults
    from ilkit.curating.reading import read_demonstrations, unsound

    if name and params:
        raise DataError("The environment is given by --env or by --params, not by both.")
    demos = read_demonstrations(artifact)
    found = find_faults(demos)
    for fault in found:
        click.echo(str(fault))
    if (name or params) and not unsound(demos):
        from ilkit.curating.environments import replayer_named, replayer_of
        from ilkit.curating.replay import beyond_faults, replay, replay_faults

        replayer = replayer_named(name) if name else replayer_of(params or Path())
        replayed = replay(demos, replayer, limit, tolerance)
        more = (*replay_faults(replayed, demos, replayer.name), *beyond_faults(demos, replayer))
        for fault in more:
            click.echo(str(fault))
        drawn = counted(replayed.num_drawn, "drawn step")
        click.echo(f"Replayed {len(replayed.rows):,} of {drawn} in {replayer.name}.")
        found = (*found, *more)
    click.echo(f"Found {counted(len(found), 'kind')} of defects." if found else "Found no defects.")
    sys.exit(FAILED if found else 0)


@data.command()
@click.argument("artifact", type=_PATH)
@click.option("--into", "into", multiple=True, required=True, metavar="FOLDER=FRACTION", help="A part; give several.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Draws which episode goes where.")
@_force
@explained
def split(artifact: Path, into: tuple[str, ...], seed: int, force: bool) -> None:
    """Divide the episodes of ARTIFACT among folders, each in exactly one."""
    from ilkit.curating.editing import split as split_episodes
    from ilkit.curating.reading import check_free, read_sound, write_demonstrations

    fractions = _fractions(into)
    for folder in fractions:
        check_free(Path(folder), force=force)
    parts = split_episodes(read_sound(artifact), fractions, seed)
    write_demonstrations({Path(folder): part for folder, part in parts.items()}, force=force)
    for folder, part in parts.items():
        click.echo(f"Wrote {folder}: {_counts(part)}.")


@data.command()
@click.argument("artifacts", type=_PATH, nargs=-1, required=True)
@click.argument("target", type=_PATH)
@_force
@explained
def merge(artifacts: tuple[Path, ...], target: Path, force: bool) -> None:
    """Write the episodes of all ARTIFACTS, in their order, into TARGET."""
    from ilkit.curating.editing import merge as merge_episodes
    from ilkit.curating.reading import check_free, read_sound, write_demonstrations

    if len(set(artifacts)) < len(artifacts):
        raise DataError("Each artifact must be given once: an episode given twice counts twice.")
    check_free(target, force=force)
    merged = merge_episodes({str(one): read_sound(one) for one in artifacts})
    write_demonstrations({target: merged}, force=force)
    click.echo(f"Wrote {target}: {_counts(merged)}.")


@data.command("filter")
@click.argument("artifact", type=_PATH)
@click.argument("target", type=_PATH)
@click.option("--min-return", type=float, help="The least sum of rewards.")
@click.option("--max-return", type=float, help="The greatest sum of rewards.")
@click.option("--min-length", type=int, help="The least number of steps.")
@click.option("--max-length", type=int, help="The greatest number of steps.")
@click.option("--episodes", help="Numbers and ranges, such as 0,3,7-9.")
@click.option("--terminated/--not-terminated", default=None, help="Only those that the environment ended, or the rest.")
@click.option("--truncated/--not-truncated", default=None, help="Only those that a time limit cut, or the rest.")
@_force
@explained
def filter_command(
    artifact: Path,
    target: Path,
    min_return: float | None,
    max_return: float | None,
    min_length: int | None,
    max_length: int | None,
    episodes: str | None,
    terminated: bool | None,
    truncated: bool | None,
    force: bool,
) -> None:
    """Write the episodes of ARTIFACT that meet everything that is given into TARGET."""
    from ilkit.curating.editing import Criteria, episode_numbers, keep
    from ilkit.curating.reading import check_free, read_sound, write_demonstrations

    numbers = episode_numbers(episodes) if episodes is not None else None
    criteria = Criteria(min_return, max_return, min_length, max_length, numbers, terminated, truncated)
    if criteria == Criteria():
        raise DataError("Nothing says which episodes to keep. Give an option such as --min-return.")
    check_free(target, force=force)
    demos = read_sound(artifact)
    kept = keep(demos, criteria)
    write_demonstrations({target: kept}, force=force)
    whole, steps = counted(demos.num_episodes, "episode"), counted(kept.num_steps, "step")
    click.echo(f"Wrote {target}: {kept.num_episodes:,} of {whole}, {steps}.")


def _parsed(settings: tuple[str, ...]) -> dict[str, Any]:
    """The settings as a mapping; each value is YAML."""
    import json

    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    found = {}
    for setting in settings:
        field, equals, value = setting.partition("=")
        if not equals:
            raise ParamsError(f"-s must be FIELD=VALUE, got {setting!r}.")
        try:
            found[field.strip()] = parsed = YAML(typ="safe").load(value)
            json.dumps(parsed, default=str)
        except (YAMLError, ValueError, RecursionError) as error:  # digits, depth or anchors without end
            raise ParamsError(f"-s {field}: must be YAML, got {value!r:.80}: {str(error) or 'too deep'}") from error
    return found


def _counts(demos: "Demonstrations") -> str:
    return demos.size


def _summary(demos: "Demonstrations") -> str:
    """How much it is, in a line."""
    import numpy as np

    action = demos.spaces.action
    actions = counted(action.size, "action") if action.kind == "discrete" else f"actions of size {action.size}"
    seen = (
        f"observations of {', '.join(demos.obs)}"
        if isinstance(demos.obs, dict)
        else f"observations of size {demos.spaces.observation.size}"
    )
    recorded = "without rewards" if np.isnan(demos.rewards).all() else "with rewards"
    return (
        f"{_counts(demos)}, {seen}, {actions}, {recorded}, {counted(int(demos.terminated.sum()), 'episode')} terminated"
    )


def _fractions(into: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in into:
        folder, _, fraction = one.rpartition("=")
        try:
            number = float(fraction)
        except ValueError:
            number = -1.0
        if not folder or not 0.0 < number <= 1.0:
            raise DataError(f"--into must be FOLDER=FRACTION with a fraction above 0 and at most 1, got {one!r}.")
        if Path(folder) in map(Path, found):
            raise DataError(f"--into must name each folder once, got {folder!r} twice.")
        found[folder] = number
    return found
