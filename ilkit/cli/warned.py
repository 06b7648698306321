"""Warnings as a person reads them on the command line: what is to know, without the place in the code."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Shows warnings of Python and of ilkit's log as `warning: text`, the log only where nobody has set it up."""
    log, handler = logging.getLogger("ilkit"), _Plain(logging.WARNING)
    alone = not log.hasHandlers()
    with warnings.catch_warnings():
        warnings.showwarning = _show
        if alone:
            log.addHandler(handler)
        try:
            yield
        finally:
            log.removeHandler(handler)


class _Plain(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Shows what is logged."""
        click.echo(f"{record.levelname.lower()}: {record.getMessage()}", err=True)


def _show(message: Warning | str, *_: Any, **__: Any) -> None:
    click.echo(f"warning: {message}", err=True)
