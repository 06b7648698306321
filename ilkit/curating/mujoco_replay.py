"""Replaying in a gymnasium MuJoCo environment whose observation holds its positions and velocities.

Such an observation is qpos without its first entries (how far the body has come) followed by qvel, which Hopper and
Walker2d clip. What the observation leaves out doesn't matter for the dynamics and is set to 0; where a velocity is
clipped the state is unknown.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from ilkit.curating.host_replay import HostReplayer
from ilkit.curating.state_replay import StateReplayer, observes_its_state
from ilkit.errors import DataError, nearest
from ilkit.stepping.mujoco_warnings import hear_mujoco

_MOST_EXCLUDED = 2
"""Swimmer and Ant leave out the position in the plane, the others that along a line."""


@dataclass(frozen=True)
class MujocoReplayer(HostReplayer):
    """A MuJoCo environment that can be set to a state."""

    excluded: int
    """How many of the first entries of qpos aren't observed."""
    clip: float
    """The velocity at which the observation ends."""

    def usable(self, obs: Float[np.ndarray, "rows obs"]) -> Bool[np.ndarray, " rows"]:
        """Whether no velocity is clipped."""
        velocities = obs[:, self.env.model.nq - self.excluded :]
        usable: np.ndarray = (np.abs(velocities) < self.clip).all(axis=1)
        return usable

    def next_obs(self, obs: Float[np.ndarray, "rows obs"], actions: np.ndarray) -> Float[np.ndarray, "shifts rows obs"]:
        """What is observed after each action, given as (shifts, rows, *action), in the state of each observation."""
        reached = np.empty((len(actions), *obs.shape))
        for shift, row in np.ndindex(reached.shape[:2]):
            _set(self.env, obs[row], self.excluded)
            reached[shift, row] = self.env.step(actions[shift, row].astype(np.float64))[0]
        return reached


def host_replayer(env: Any, name: str) -> MujocoReplayer | StateReplayer:
    """Finds out what an environment of gymnasium observes of its state.

    **Raises:** `DataError` where the state isn't entirely observed.
    """
    if not (hasattr(env, "set_state") and hasattr(env, "model") and hasattr(env, "data")):
        if observes_its_state(env):
            return StateReplayer(env, name)
        raise DataError(
            f"{name} can't be set to a state, so nothing was replayed: it has no attribute `state` that is its "
            "observation. Leave out --env."
        )
    shape = env.observation_space.shape
    excluded = env.model.nq + env.model.nv - shape[0] if shape is not None and len(shape) == 1 else -1
    clip = _clip(env, excluded) if 0 <= excluded <= _MOST_EXCLUDED else None
    if clip is None:
        raise DataError(
            f"The state of {name} can't be got from its observation, so nothing was replayed: the observation of shape "
            f"{shape} isn't the {env.model.nq} positions, but for the first, and the {env.model.nv} velocities. "
            "Leave out --env."
        )
    return MujocoReplayer(env, name, excluded, clip)


def made(name: str) -> Any:
    """The environment that gymnasium knows by a name, without wrappers.

    **Raises:** `DataError` where gymnasium doesn't know it, or it can't be made.
    """
    import gymnasium

    hear_mujoco()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is a newer version of the environment
            return gymnasium.make(name, disable_env_checker=True).unwrapped
    except gymnasium.error.DependencyNotInstalled as error:
        raise DataError(f"{name} needs MuJoCo: {error}. Install it: pip install 'ilkit[mujoco]'.") from error
    except gymnasium.error.Error as error:
        known = [known for known in gymnasium.registry if "/" not in known]
        raise DataError(f"gymnasium knows no environment {name!r}: {error} {nearest(name, known)}") from error
    except Exception as error:  # whatever its author's code raises
        raise DataError(f"{name} can't be made: {type(error).__name__}: {error}") from error


def _clip(env: Any, excluded: int) -> float | None:
    """The velocity at which the observation ends, infinite where nowhere; None where it isn't the state."""
    positions = env.model.nq - excluded
    probe = np.linspace(0.1, 0.9, positions + env.model.nv)
    if not np.allclose(_set(env, probe, excluded), probe):
        return None
    probe[positions:] = 1e6
    seen = _set(env, probe, excluded)[positions:]
    return float(seen.max()) if (seen == seen[0]).all() and seen[0] < 1e6 else np.inf


def _set(env: Any, obs: Float[np.ndarray, " obs"], excluded: int) -> Float[np.ndarray, " obs"]:
    """Sets the state that an observation belongs to, whatever was before, and observes it."""
    import mujoco  # type: ignore[import-untyped]

    positions = env.model.nq - excluded
    mujoco.mj_resetData(env.model, env.data)
    env.set_state(np.concatenate([np.zeros(excluded), obs[:positions]]), np.asarray(obs[positions:], np.float64))
    seen: np.ndarray = env._get_obs()
    return seen
