"""Gymnasium's functional environments (`gymnasium.experimental.functional.FuncEnv`), compiled.

Those written in JAX, as gymnasium's own in `gymnasium.envs.phys2d` are, run inside of ilkit's compiled loops, where the
kind `gymnasium` steps them from Python.
"""

import dataclasses
import importlib
from functools import cache
from typing import Annotated, Any, Literal

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.experimental.functional import FuncEnv
from jaxtyping import Array, PRNGKeyArray, PyTree
from pydantic import Field, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.errors import DataError, nearest
from ilkit.foreign.environment import Dynamics, foreign_environment
from ilkit.spec import Kwargs, Spec


class Functional(Spec):
    """A functional environment of gymnasium, by its module and class."""

    kind: Literal["functional"] = "functional"
    id: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] = "gymnasium.envs.phys2d.pendulum:PendulumFunctional"
    """The module and the class of the environment, with a colon between; the module is imported."""
    options: Kwargs = ()
    """The constants of the environment that are set, by name: the `options` of its constructor."""
    params: Kwargs = ()
    """The environment parameters that differ from its default ones, by name."""
    max_steps: PositiveInt = 200
    """The number of steps after which an episode is truncated."""


class FunctionalDynamics(Dynamics):
    """`initial`, `transition`, `reward`, `terminal` and `observation`, called as gymnasium's own adapter does."""

    spec: Functional

    def initial(self, *, key: PRNGKeyArray) -> PyTree:
        """The state of `initial`."""
        made, params = _made(self.spec)
        return made.initial(key, **params)

    def advance(self, state: PyTree, action: Array, *, key: PRNGKeyArray) -> tuple[PyTree, Transition]:
        """`transition`, then `reward` and `terminal`, all with the same key."""
        made, params = _made(self.spec)
        space = made.action_space
        action = action + int(space.start) if _is_discrete(space) else action.reshape(space.shape)
        after = made.transition(state, action, key, **params)
        reward = made.reward(state, action, after, key, **params)
        return after, Transition(reward, made.terminal(after, key, **params))

    def observation(self, state: PyTree) -> Array:
        """`observation`, one-hot where it is a whole number."""
        return self.noisy_observation(state, key=jax.random.key(0))

    def noisy_observation(self, state: PyTree, *, key: PRNGKeyArray) -> Array:
        """`observation` with this key."""
        made, params = _made(self.spec)
        obs, space = made.observation(state, key, **params), made.observation_space
        return jax.nn.one_hot(obs - int(space.start), int(space.n)) if _is_discrete(space) else jnp.asarray(obs)


def env(spec: Functional) -> Environment:
    """Finds the environment, and measures whether its observations determine its states.

    **Raises:** `DataError` where the class can't be imported or is no functional environment, where it can't be made
    of the settings, has a space that is neither a box nor discrete, or observes with noise.
    """
    return _wrapped(spec)


@cache
def _wrapped(spec: Functional) -> Environment:
    made, dynamics = _made(spec)[0], FunctionalDynamics(spec)
    observation, action = (_space(space, spec.id) for space in (made.observation_space, made.action_space))
    if isinstance(observation, Discrete):
        observation = Box(low=(0.0,) * observation.size, high=(1.0,) * observation.size)
    _check_noise(dynamics, spec.id)
    spaces = Spaces(observation=observation, action=action)
    return foreign_environment(dynamics, name=spec.id, spaces=spaces, max_steps=spec.max_steps)


@cache
def _made(spec: Functional) -> tuple[Any, dict[str, Any]]:
    """The environment, and its parameters by the name that its functions take them under."""
    found = _class_of(spec.id)
    try:
        with jax.ensure_compile_time_eval():
            made = found(options=dict(spec.options))
    except (TypeError, ValueError) as error:
        raise DataError(f"{spec.id} can't be made with env.options {dict(spec.options)}: {error}") from error
    if made.default_params is None:
        if spec.params:
            raise DataError(f"{spec.id} takes no env.params, got {dict(spec.params)}. Leave them out.")
        return made, {}
    return made, {"params": _with(made.default_params, dict(spec.params), spec.id)}


def _class_of(name: str) -> type[FuncEnv]:
    module, _, qualified = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), qualified, None)
    except ImportError as error:
        raise DataError(
            f"The module of {name} can't be imported: {error}. Gymnasium's own need: "
            "pip install 'ilkit-functional[phys2d]'"
        ) from error
    if not (isinstance(found, type) and issubclass(found, FuncEnv)):
        raise DataError(f"env.id must name a subclass of gymnasium.experimental.functional.FuncEnv, got {name!r}.")
    return found


def _with(params: Any, changes: dict[str, Any], name: str) -> Any:
    if not changes:
        return params
    known = [field.name for field in dataclasses.fields(params)] if dataclasses.is_dataclass(params) else []
    for given in changes:
        if given not in known:
            raise DataError(f"env.params of {name} must be its parameters, got {given!r}. {nearest(given, known)}")
    return dataclasses.replace(params, **changes)


def _check_noise(dynamics: FunctionalDynamics, name: str) -> None:
    with jax.ensure_compile_time_eval():
        state = dynamics.initial(key=jax.random.key(0))
        first, second = (dynamics.noisy_observation(state, key=jax.random.key(seed)) for seed in (1, 2))
        if not np.array_equal(first, second):
            raise DataError(f"Observations of {name} must follow from its state, but are noisy. Draw the noise in it.")


def _is_discrete(space: Any) -> bool:
    return isinstance(space, gymnasium.spaces.Discrete)


def _space(space: Any, name: str) -> Box | Discrete:
    if _is_discrete(space):
        return Discrete(size=int(space.n))
    if not isinstance(space, gymnasium.spaces.Box):
        raise DataError(f"The spaces of {name} must be a box or discrete, got {space}. Wrap it.")
    ends = (np.asarray(end, np.float64).ravel().tolist() for end in (space.low, space.high))
    low, high = (tuple(map(float, end)) for end in ends)
    return Box(low=low, high=high)
