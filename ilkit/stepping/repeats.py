"""Whether an environment on the host plays an episode again, which everything that is reproducible rests on."""

import warnings
from contextlib import closing
from typing import Any

import gymnasium
import numpy as np

from ilkit.data.environment import HostEnvironment
from ilkit.data.spaces import Box, Discrete
from ilkit.errors import DataError

_MOST_STEPS = 300
_SEED = 0


def check_repeats(env: HostEnvironment) -> None:
    """Plays the first steps of an episode twice, in two environments: the seed and the actions must decide it.

    Warns, without playing, where the environment says that it doesn't repeat.

    **Raises:** `DataError` with the step at which the two part.
    """
    if not env.repeats:
        warnings.warn(
            "The environment doesn't repeat an episode: this stage makes other bytes each time.", stacklevel=2
        )
        return
    try:
        with closing(env.make()) as one, closing(env.make()) as other:
            _compare(env, one, other)
    except DataError:
        raise
    except Exception:  # what an environment raises is said where it is run
        return


def _compare(env: HostEnvironment, one: gymnasium.Env[Any, Any], other: gymnasium.Env[Any, Any]) -> None:
    seen = [each.reset(seed=_SEED)[0] for each in (one, other)]
    generator = np.random.default_rng(_SEED)
    for step in range(min(env.max_steps, _MOST_STEPS) + 1):
        if step:
            action = _random_action(env.spaces.action, generator)
            seen = [each.step(action)[:4] for each in (one, other)]
        if not _same(*seen):
            raise DataError(
                f"An episode must repeat, but the same seed and actions lead to something else at step {step}. "
                "Draw all random numbers of the environment from self.np_random, set seed_numpy of env.gymnasium where "
                "it draws them from numpy.random, or set repeats of the env to false."
            )
        if step and (seen[0][2] or seen[0][3]):
            return


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    return np.asarray(one).tobytes() == np.asarray(other).tobytes()


def _random_action(space: Any, generator: np.random.Generator) -> Any:
    if isinstance(space, Discrete):
        return np.asarray(space.start + generator.integers(space.size), space.dtype)
    if not isinstance(space, Box):
        return np.asarray(generator.integers(space.sizes), space.dtype)
    low, high = np.nan_to_num(np.asarray(space.bounds, np.float32), posinf=1.0, neginf=-1.0)
    return generator.uniform(low, high).astype(space.dtype)
