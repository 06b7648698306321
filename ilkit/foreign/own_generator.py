"""Environments that draw from the generator that all of NumPy shares, as OGBench's do: each gets one of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np


class OwnGenerator(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Makes `numpy.random` and the samples of the action space follow from the seed of the reset."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self._state = np.random.RandomState(0).get_state()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode."""
        if seed is not None:
            self._state = np.random.RandomState(seed).get_state()
            self.env.unwrapped.action_space.seed(seed)
        with self._own():
            return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Takes a step."""
        with self._own():
            return self.env.step(action)

    @contextmanager
    def _own(self) -> Iterator[None]:
        """With the shared generator where this environment left it, and then where it was."""
        shared = np.random.get_state()
        np.random.set_state(self._state)
        try:
            yield
        finally:
            self._state = np.random.get_state()
            np.random.set_state(shared)
