"""Commands that explain their errors instead of printing a traceback."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import click

from ilkit.cli.warned import plain_warnings
from ilkit.errors import IlkitError, ParamsError, PluginError, WiringError, nearest

WRONG_INPUT = 2
FAILED = 1
INTERRUPTED = 130


class Commands(click.Group):
    """A group of commands that names the nearest one where there is none of the name that is typed."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds a command.

        **Raises:** `click.UsageError` where there is none of its name.
        """
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"No such command {name!r}. {nearest(name, self.commands)}")
        return super().resolve_command(ctx, args)


def explained(command: Callable[..., None]) -> Callable[..., None]:
    """Prints an error that explains itself instead of a traceback, and warnings without their place in the code."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            with plain_warnings():
                command(*args, **kwargs)
        except IlkitError as error:
            for line in str(error).splitlines():
                click.echo(f"error: {line}", err=True)
            sys.exit(WRONG_INPUT if isinstance(error, (ParamsError, WiringError, PluginError)) else FAILED)
        except BrokenPipeError:
            raise  # whoever reads the output has read enough; click ends quietly
        except OSError as error:
            click.echo(f"error: {error}. Is there room, and may you read and write there?", err=True)
            sys.exit(FAILED)
        except KeyboardInterrupt:
            click.echo("Stopped. Run it again to start this stage over.", err=True)
            sys.exit(INTERRUPTED)

    return wrapped
