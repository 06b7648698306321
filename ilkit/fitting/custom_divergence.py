"""The f of a divergence: one of those that have a name, or a user's own, read from a file."""

import runpy
from functools import cache
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from ilkit.errors import DataError
from ilkit.math.divergences import DIVERGENCES, Divergence, from_generator


def divergence_of(name: str, function: Path | None) -> Divergence:
    """The divergence of this name, or that of a file that defines `f(u)`.

    **Raises:** `DataError` where the file doesn't define a convex f with f(1) = 0.
    """
    if function is None:
        return DIVERGENCES[name]
    try:
        return _custom(function.resolve(), function.read_bytes())
    except OSError as error:
        raise DataError(f"{function} can't be read: {type(error).__name__}: {error}.") from error


@cache
def _custom(path: Path, content: bytes) -> Divergence:
    """The divergence of a file: the same one for the same content, so that nothing compiles again."""
    try:
        f = runpy.run_path(str(path)).get("f")
    except Exception as error:  # whatever the user's file does
        raise DataError(f"{path} can't be read: {type(error).__name__}: {error}.") from error
    if not callable(f):
        raise DataError(f"{path} must define a function f(u), and has none. Write it with jax.numpy.")
    ratios = jnp.linspace(0.1, 10.0, 100)
    values = np.asarray(f(ratios))
    if abs(float(f(jnp.ones(())))) > 1e-5 or (np.diff(values, 2) < -1e-4).any():
        raise DataError(f"f in {path} must be convex with f(1) = 0.")
    return from_generator(f)
