"""The environments of gymnax (Lange, 2022), compiled together with ilkit's policies and learners.

gymnax says that an episode is done where it terminates and where its time is up. Here the two are told apart: an
episode is terminated where gymnax would end it without a time limit, and truncated by `max_steps`.
"""

import dataclasses
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray, PyTree
from pydantic import Field, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.errors import DataError, nearest
from ilkit.foreign.environment import Dynamics, foreign_environment
from ilkit.spec import Kwargs, Spec

_LIMIT = "max_steps_in_episode"
_NEVER = 2**30
_NUM_CHECKED = 32


class Gymnax(Spec):
    """An environment of gymnax, by its name."""

    kind: Literal["gymnax"] = "gymnax"
    id: Annotated[str, Field(min_length=1)] = "CartPole-v1"
    """The name it is registered under, such as Breakout-MinAtar."""
    kwargs: Kwargs = ()
    """The arguments of its constructor, by name."""
    params: Kwargs = ()
    """The environment parameters that differ from its default ones, by name."""
    max_steps: PositiveInt | None = None
    """The number of steps after which an episode is truncated; `max_steps_in_episode` where none is given."""


class GymnaxDynamics(Dynamics):
    """`reset_env`, `step_env` and `get_obs` of the environment, which never reset by themselves."""

    spec: Gymnax

    def initial(self, *, key: PRNGKeyArray) -> PyTree:
        """The state of `reset_env`."""
        library = _made(self.spec)
        return library.env.reset_env(key, library.params)[1]

    def advance(self, state: PyTree, action: Array, *, key: PRNGKeyArray) -> tuple[PyTree, Transition]:
        """`step_env`; terminated where it is done without a time limit too."""
        library = _made(self.spec)
        shape = library.env.action_space(library.params).shape
        action = jnp.reshape(action, shape)
        after, reward = library.env.step_env(key, state, action, library.params)[1:3]
        done = library.env.step_env(key, state, action, library.unlimited)[3]
        return after, Transition(reward, done)

    def observation(self, state: PyTree) -> Array:
        """`get_obs`."""
        library = _made(self.spec)
        return library.env.get_obs(state, library.params)


class _Library(NamedTuple):
    env: Any
    params: Any
    unlimited: Any
    """The same parameters without a time limit."""


def env(spec: Gymnax) -> Environment:
    """Finds the environment, and measures whether its observations determine its states.

    **Raises:** `DataError` where gymnax isn't installed or doesn't know the name, where it can't be made of the
    settings, has no time limit, or has a space that is neither a box nor discrete.
    """
    return _wrapped(spec)


@cache
def _wrapped(spec: Gymnax) -> Environment:
    library = _made(spec)
    max_steps = spec.max_steps or int(getattr(library.params, _LIMIT, 0))
    if not max_steps:
        raise DataError(f"An environment needs a time limit, and {spec.id} has none. Give env.max_steps.")
    observation = _space(library.env.observation_space(library.params), f"observations of {spec.id}")
    action = _space(library.env.action_space(library.params), f"actions of {spec.id}")
    if isinstance(observation, Discrete):
        raise DataError(f"The observations of {spec.id} must be a box, got {observation}. Choose another env.id.")
    _check_observations(spec, library)
    spaces = Spaces(observation=observation, action=action)
    return foreign_environment(GymnaxDynamics(spec), name=spec.id, spaces=spaces, max_steps=max_steps)


def _check_observations(spec: Gymnax, library: _Library) -> None:
    """What a step lets see must be what is seen of the state after it: some add noise, or look at the one before."""

    def step(state: PyTree, key: PRNGKeyArray) -> tuple[PyTree, tuple[Array, Array]]:
        action = library.env.action_space(library.params).sample(key)
        obs, after = library.env.step_env(key, state, action, library.params)[:2]
        return after, (obs, library.env.get_obs(after, library.params))

    key = jax.random.key(0)
    try:
        with jax.ensure_compile_time_eval():
            state = jax.tree.map(jnp.asarray, library.env.reset_env(key, library.params)[1])
            found, expected = jax.jit(lambda: jax.lax.scan(step, state, jax.random.split(key, _NUM_CHECKED))[1])()
    except (TypeError, IndexError) as error:
        raise DataError(f"{spec.id} fails in gymnax itself: {error}. Choose another env.id.") from error
    if not np.allclose(np.asarray(found, float), np.asarray(expected, float), atol=1e-4):
        raise DataError(f"Observations of {spec.id} must follow from its state, but don't. Choose another env.id.")


@cache
def _made(spec: Gymnax) -> _Library:
    gymnax = _gymnax()
    if spec.id not in gymnax.registered_envs:
        raise DataError(f"gymnax knows no environment {spec.id!r}. {nearest(spec.id, gymnax.registered_envs)}")
    try:
        with jax.ensure_compile_time_eval():
            made, params = gymnax.make(spec.id, **dict(spec.kwargs))
    except (TypeError, ValueError, NotImplementedError) as error:
        raise DataError(f"gymnax can't make {spec.id} with env.kwargs {dict(spec.kwargs)}: {error}") from error
    params = _with(params, dict(spec.params), spec.id)
    unlimited = dataclasses.replace(params, **{_LIMIT: _NEVER}) if hasattr(params, _LIMIT) else params
    return _Library(made, params, unlimited)


def _gymnax() -> Any:
    try:
        import gymnax  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise DataError(
            f"env.kind gymnax needs gymnax, which can't be imported: {error}. Run: pip install 'ilkit-gymnax[gymnax]'"
        ) from error
    return gymnax


def _with(params: Any, changes: dict[str, Any], name: str) -> Any:
    known = [field.name for field in dataclasses.fields(params)]
    for given in changes:
        if given not in known:
            raise DataError(f"env.params of {name} must be its parameters, got {given!r}. {nearest(given, known)}")
    return dataclasses.replace(params, **changes)


def _space(space: Any, what: str) -> Box | Discrete:
    if hasattr(space, "n"):
        return Discrete(size=int(space.n))
    if not all(hasattr(space, name) for name in ("low", "high", "shape")):
        raise DataError(f"The {what} must be a box or discrete, got {type(space).__name__}. Choose another env.id.")
    low, high = (np.broadcast_to(np.asarray(end, np.float64), space.shape).ravel() for end in (space.low, space.high))
    return Box(low=tuple(map(_limit, low)), high=tuple(map(_limit, high)))


def _limit(end: float) -> float:
    """The end of a range; infinite where it is only the largest number there is."""
    return float(np.copysign(np.inf, end)) if abs(end) >= np.finfo(np.float32).max else float(end)
