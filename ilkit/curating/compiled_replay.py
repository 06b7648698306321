"""Replaying in a pure-JAX environment: all transitions in one compiled call."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, Invertible
from ilkit.data.spaces import Box, Discrete, MultiDiscrete
from ilkit.errors import DataError


@dataclass(frozen=True)
class CompiledReplayer:
    """An environment whose state is a function of what is observed."""

    env: Environment
    """One that is `Invertible`."""
    name: str

    @property
    def action(self) -> Box | Discrete:
        """What may be done in it."""
        action = self.env.spaces.action
        assert not isinstance(action, MultiDiscrete)
        return action

    def fitting(self, demos: Demonstrations) -> None:
        """Checks that observations and actions have the environment's sizes.

        **Raises:** `DataError` where they don't.
        """
        check_sizes(demos, self.name, self.env.spaces.observation.size, self.env.spaces.action.shape)

    def usable(self, obs: Float[np.ndarray, "rows obs"]) -> Bool[np.ndarray, " rows"]:
        """Every observation gives a state."""
        return np.ones(len(obs), bool)

    def next_obs(self, obs: Float[np.ndarray, "rows obs"], actions: np.ndarray) -> Float[np.ndarray, "shifts rows obs"]:
        """What is observed after each action, given as (shifts, rows, *action), in the state of each observation."""

        env = self.env
        assert isinstance(env, Invertible)

        def after(seen: Float[Array, " obs"], action: Array) -> Float[Array, " obs"]:
            state, _ = env.step(env.state_of(seen), action, key=jax.random.key(0))
            return env.observe(state)

        every = jax.jit(jax.vmap(jax.vmap(after), in_axes=(None, 0)))
        return np.asarray(every(jnp.asarray(obs), jnp.asarray(actions)))


def check_sizes(demos: Demonstrations, name: str, obs_size: int, action_shape: tuple[int, ...]) -> None:
    """Checks that observations and actions have the sizes of an environment.

    **Raises:** `DataError` where they don't.
    """
    for what, wanted, got in (
        ("observations", (obs_size,), demos.obs.shape[1:]),
        ("actions", action_shape, demos.actions.shape[1:]),
    ):
        if wanted != got:
            raise DataError(
                f"The {what} must have the shape of those of {name}, {wanted}, got {got}. "
                "Give the environment that was recorded."
            )
