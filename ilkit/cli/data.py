"""The commands `ilkit data`: recorded demonstrations in and out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ilkit.cli.explained import explained
from ilkit.errors import ParamsError

if TYPE_CHECKING:
    from ilkit.data.demonstrations import Demonstrations

_PATH = click.Path(path_type=Path)
_SETTING = click.option("-s", "settings", multiple=True, metavar="FIELD=VALUE", help="A setting of KIND, as in YAML.")


@click.group()
def data() -> None:
    """Import, export and look at recorded demonstrations."""


@data.command("import")
@click.argument("kind")
@click.argument("path", type=_PATH)
@click.argument("artifact", type=_PATH)
@_SETTING
@click.option("--force", is_flag=True, help="Replace an artifact that is there already.")
@explained
def import_command(kind: str, path: Path, artifact: Path, settings: tuple[str, ...], force: bool) -> None:
    """Read the recording at PATH, of a KIND that `ilkit plugins` lists under dataset, into ARTIFACT."""
    from ilkit.curating.transfer import import_demonstrations

    notes: list[str] = []
    demos = import_demonstrations(kind, path, artifact, _parsed(settings), note=notes.append, force=force)
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


def _parsed(settings: tuple[str, ...]) -> dict[str, Any]:
    """The settings as a mapping; each value is YAML."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    found = {}
    for setting in settings:
        field, equals, value = setting.partition("=")
        if not equals:
            raise ParamsError(f"-s must be FIELD=VALUE, got {setting!r}.")
        try:
            found[field.strip()] = YAML(typ="safe").load(value)
        except YAMLError as error:
            raise ParamsError(f"-s {field}: must be YAML, got {value!r}: {error}") from error
    return found


def _summary(demos: "Demonstrations") -> str:
    """How much it is, in a line."""
    import numpy as np

    action = demos.spaces.action
    actions = f"{action.size} actions" if action.kind == "discrete" else f"actions of size {action.size}"
    recorded = "without rewards" if np.isnan(demos.rewards).all() else "with rewards"
    return (
        f"{demos.num_episodes} episodes, {demos.num_steps} steps, observations of size {demos.obs.shape[1]}, "
        f"{actions}, {recorded}, {int(demos.terminated.sum())} episodes terminated"
    )
