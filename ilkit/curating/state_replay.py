"""Replaying in an environment of gymnasium whose observation is its state, kept in the attribute `state`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from ilkit.curating.host_replay import HostReplayer

_TRIED = 8
"""How many steps are tried from a state that was set."""


@dataclass(frozen=True)
class StateReplayer(HostReplayer):
    """An environment that is set to a state by writing what was observed into its attribute `state`."""

    def usable(self, obs: Float[np.ndarray, "rows obs"]) -> Bool[np.ndarray, " rows"]:
        """Every observation is a state."""
        return np.ones(len(obs), bool)

    def next_obs(self, obs: Float[np.ndarray, "rows obs"], actions: np.ndarray) -> Float[np.ndarray, "shifts rows obs"]:
        """What is observed after each action, given as (shifts, rows, *action), in the state of each observation."""
        reached = np.empty((len(actions), *obs.shape))
        for shift, row in np.ndindex(reached.shape[:2]):
            reached[shift, row] = _stepped(self.env, obs[row], actions[shift, row])
        return reached


def observes_its_state(env: Any) -> bool:
    """Whether steps from a state that was written are those that the environment took itself."""
    shape = getattr(env.observation_space, "shape", None)
    if shape is None or len(shape) != 1:
        return False
    env.action_space.seed(0)
    try:
        seen = env.reset(seed=0)[0]
        for _ in range(_TRIED):
            if not _is_state(env, seen):
                return False
            action = env.action_space.sample()
            after, _, terminated, *_ = env.step(action)
            if not np.allclose(_stepped(env, seen, action), after, rtol=1e-4, atol=1e-5):
                return False
            seen = env.reset()[0] if terminated else after
    except Exception:  # whatever its author's code raises over a state that isn't its own
        return False
    return True


def _is_state(env: Any, seen: np.ndarray) -> bool:
    state = np.asarray(getattr(env, "state", ()), np.float64)
    return bool(state.shape == np.shape(seen) and np.allclose(state, seen, rtol=1e-4, atol=1e-5))


def _stepped(env: Any, obs: np.ndarray, action: Any) -> np.ndarray:
    former = env.state
    env.state = tuple(map(float, obs)) if isinstance(former, tuple) else np.array(obs, np.asarray(former).dtype)
    given = int(action) if env.action_space.shape == () else np.asarray(action, env.action_space.dtype)
    after: np.ndarray = env.step(given)[0]
    return after
