"""Counting how often a function is traced."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from ilkit.testing.comparison import expect


class CountedTraces:
    """Calls functions under one `jit`, without computing anything, and counts how often it is traced."""

    def __init__(self) -> None:
        self.count = 0

        def call(function: Callable[..., Any], *args: PyTree) -> PyTree:
            self.count += 1
            return function(*args)

        self._jitted = eqx.filter_jit(call)

    def __call__(self, function: Callable[..., Any], *args: PyTree) -> PyTree:
        """The shapes and types of the outcome; numbers go in as arrays, as the loop hands them over."""
        function, args = jax.tree.map(_as_array, (function, args))
        return eqx.filter_eval_shape(self._jitted, function, *args)

    def expect_one(self, cause: str) -> None:
        """Fails if anything was traced a second time."""
        expect(self.count == 1, f"A function must be traced once, but was traced again for {cause}.")


def _as_array(leaf: Any) -> Any:
    return jnp.asarray(leaf, jnp.float32) if isinstance(leaf, float) else leaf
