"""What somebody else's code has raised, in words."""

import traceback
from pathlib import Path


def raised(error: Exception) -> str:
    """The kind of an error, what it says, and where it was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"
