"""Commands that explain their errors instead of printing a traceback."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import click

from ilkit.errors import IlkitError, ParamsError, PluginError, WiringError

WRONG_INPUT = 2
FAILED = 1
INTERRUPTED = 130


def explained(command: Callable[..., None]) -> Callable[..., None]:
    """Prints an error that explains itself instead of a traceback."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
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
