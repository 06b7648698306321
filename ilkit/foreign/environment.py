"""An environment of another library that is pure JAX already: its state, any pytree, laid out as one vector."""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key, PRNGKeyArray, PyTree, UInt8

from ilkit.data.environment import Transition
from ilkit.data.spaces import Box, Spaces, vectors
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.errors import DataError
from ilkit.foreign.flat_state import FlatState
from ilkit.foreign.observed_state import StateSources, behave_alike, state_sources
from ilkit.math.drawing import BLUE, GRID, PAPER
from ilkit.stepping.random_policy import RandomPolicy

_NUM_EPISODES = 8
_NUM_STEPS = 64


class Dynamics(eqx.Module):
    """What another library's environment does, on its own states; without arrays, equal and hashable by value."""

    @abstractmethod
    def initial(self, *, key: PRNGKeyArray) -> PyTree:
        """Draws an initial state."""

    @abstractmethod
    def advance(self, state: PyTree, action: Array, *, key: PRNGKeyArray) -> tuple[PyTree, Transition]:
        """Takes an action that is within its space; the transition isn't terminated by a time limit."""

    @abstractmethod
    def observation(self, state: PyTree) -> Array:
        """What is seen of a state, of any shape."""

    def completed(self, state: PyTree) -> PyTree:
        """The state with what follows from its other parts computed anew."""
        return state


class ForeignEnvironment(VectorEnvironment):
    """Another library's environment; the state vector holds its state bit by bit."""

    dynamics: Dynamics
    name: str = eqx.field(static=True)
    layout: FlatState = eqx.field(static=True)
    seen: Box = eqx.field(static=True)
    """The range of observations in random episodes, for the picture."""
    sources: StateSources = eqx.field(static=True)
    """How the state follows from an observation, as far as it does."""

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " state"]:
        """Draws an initial state."""
        return self.layout.flatten(self.dynamics.initial(key=key))

    def step(
        self, state: Float[Array, " state"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " state"], Transition]:
        """Takes an action, clipped to its space first."""
        space = self.spaces.action
        if isinstance(space, Box):
            action = jnp.clip(action, *np.asarray(space.bounds, np.float32))
        after, (reward, terminated) = self.dynamics.advance(self.layout.unflatten(state), action, key=key)
        reward = jnp.asarray(reward, jnp.float32).reshape(())
        return self.layout.flatten(after), Transition(reward, jnp.asarray(terminated, bool).reshape(()))

    def observe(self, state: Float[Array, " state"]) -> Float[Array, " obs"]:
        """The observation, flattened."""
        return jnp.asarray(self.dynamics.observation(self.layout.unflatten(state)), jnp.float32).ravel()

    def frame(self, state: Float[Array, " state"], height: int) -> UInt8[Array, "height width 3"]:
        """A bar for each entry of the observation, from its lowest to its highest value."""
        low, high = self.seen.bounds
        share = (self.observe(state) - low) / np.where(high > low, high - low, 1.0)
        width = height * 4 // 3
        column = np.arange(width) * share.size // width
        gap = np.r_[np.diff(column) > 0, False] & (share.size < width // 4)
        level = 1.0 - (np.arange(height)[:, None] + 0.5) / height
        filled = (level < jnp.clip(0.05 + 0.9 * share, 0.02, 1.0)[column]) & ~gap
        ground = jnp.where(np.broadcast_to(gap, (height, width))[..., None], np.asarray(GRID), np.asarray(PAPER))
        return jnp.round(255.0 * jnp.where(filled[..., None], np.asarray(BLUE), ground)).astype(jnp.uint8)

    def _read(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        state = self.dynamics.completed(self.layout.unflatten(self.sources.state(obs)))
        return self.layout.flatten(state)


class ObservedEnvironment(ForeignEnvironment):
    """One whose observations determine how its states go on."""

    def state_of(self, obs: PyTree) -> Float[Array, " state"]:
        """The state, or one that behaves the same."""
        return self._read(obs)


def foreign_environment(dynamics: Dynamics, *, name: str, spaces: Spaces, max_steps: int) -> ForeignEnvironment:
    """Lays out the state, and measures in random episodes its range and whether observations determine it.

    **Raises:** `DataError` where the state changes its layout, or an observation hasn't the size of its space.
    """
    with jax.ensure_compile_time_eval():
        key = jax.random.key(0)
        layout = FlatState.of(jax.eval_shape(lambda key: dynamics.initial(key=key), key))
        nothing = (0.0,) * layout.size
        env = ForeignEnvironment(
            dynamics=dynamics,
            name=name,
            spaces=spaces,
            max_steps=max_steps,
            layout=layout,
            state_names=layout.names,
            state_box=Box(low=nothing, high=nothing),
            seen=vectors(spaces.observation, name),
            sources=StateSources((), (), ()),
        )
        _check_size(env, key)
        return _measured(env, eqx.filter_jit(_wander)(env, key))


class _Steps(NamedTuple):
    states: Float[Array, "rows state"]
    obs: Float[Array, "rows obs"]
    actions: Array
    keys: Key[Array, " rows"]
    after: Float[Array, "rows obs"]
    rewards: Float[Array, " rows"]
    terminated: Bool[Array, " rows"]


def _check_size(env: ForeignEnvironment, key: PRNGKeyArray) -> None:
    found = jax.eval_shape(lambda key: env.observe(env.reset(key=key)), key).shape
    if found != env.seen.shape:
        raise DataError(
            f"Observations of {env.name} must be of the size of their space, {env.spaces.observation.size}, got "
            f"{found[0]}. Mend its observation space."
        )


def _wander(env: ForeignEnvironment, key: PRNGKeyArray) -> _Steps:
    """Random episodes, row by row; the first row is an initial state."""

    def step(state: Array, key: PRNGKeyArray) -> tuple[Array, _Steps]:
        action_key, step_key, reset_key = jax.random.split(key, 3)
        obs = env.observe(state)
        action = RandomPolicy.of(env.spaces).sample((), obs, key=action_key)[1]
        after, (reward, terminated) = env.step(state, action, key=step_key)
        following = jnp.where(terminated, env.reset(key=reset_key), after)
        return following, _Steps(state, obs, action, step_key, env.observe(after), reward, terminated)

    def episode(key: PRNGKeyArray) -> _Steps:
        reset_key, steps_key = jax.random.split(key)
        keys = jax.random.split(steps_key, min(_NUM_STEPS, env.max_steps))
        return jax.lax.scan(step, env.reset(key=reset_key), keys)[1]

    steps = jax.vmap(episode)(jax.random.split(key, _NUM_EPISODES))
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), steps)


def _measured(env: ForeignEnvironment, steps: _Steps) -> ForeignEnvironment:
    states, obs = np.asarray(steps.states), np.asarray(steps.obs)
    changes: dict[str, Any] = {"state_box": _range(states), "seen": _range(obs), "sources": state_sources(states, obs)}
    found = _replaced(env, **changes)
    alike = behave_alike((steps.obs, *steps[4:]), eqx.filter_jit(_again)(found, steps))
    return _replaced(found, ObservedEnvironment) if alike else found


def _again(env: ForeignEnvironment, steps: _Steps) -> tuple[Array, ...]:
    """The observations, and the same steps, from states that are read off the observations."""

    def one(obs: Array, action: Array, key: PRNGKeyArray) -> tuple[Array, ...]:
        state = env._read(obs)
        after, (reward, terminated) = env.step(state, action, key=key)
        return env.observe(state), env.observe(after), reward, terminated

    return jax.vmap(one)(steps.obs, steps.actions, steps.keys)


def _replaced(
    env: ForeignEnvironment, kind: type[ForeignEnvironment] = ForeignEnvironment, **changes: Any
) -> ForeignEnvironment:
    fields = {name: getattr(env, name) for name in env.__dataclass_fields__}
    return kind(**(fields | changes))


def _range(rows: Float[np.ndarray, "rows entries"]) -> Box:
    return Box(low=tuple(rows.min(axis=0).tolist()), high=tuple(rows.max(axis=0).tolist()))
