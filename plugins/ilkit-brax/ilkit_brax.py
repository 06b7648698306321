"""The environments of Brax (Freeman et al., 2021), compiled together with ilkit's policies and learners.

Brax's own environment, without its wrappers, is done only where the physics end an episode: that is terminated. The
time limit that its wrapper adds is `max_steps`, which truncates.
"""

import warnings
from functools import cache
from typing import Annotated, Any, Literal

import jax
from jaxtyping import Array, PRNGKeyArray, PyTree
from pydantic import Field, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError, nearest
from ilkit.foreign.environment import Dynamics, foreign_environment
from ilkit.spec import Kwargs, Spec


class Brax(Spec):
    """An environment of Brax, by its name."""

    kind: Literal["brax"] = "brax"
    id: Annotated[str, Field(min_length=1)] = "inverted_pendulum"
    """The name it is registered under, such as ant."""
    kwargs: Kwargs = ()
    """The arguments of its constructor, by name, such as `backend`."""
    max_steps: PositiveInt = 1000
    """The number of steps after which an episode is truncated."""


class BraxDynamics(Dynamics):
    """`reset` and `step` of the environment, whose state holds its observation, reward and end."""

    spec: Brax

    def initial(self, *, key: PRNGKeyArray) -> PyTree:
        """The state of `reset`."""
        return _made(self.spec).reset(key)

    def advance(self, state: PyTree, action: Array, *, key: PRNGKeyArray) -> tuple[PyTree, Transition]:
        """`step`, which draws nothing."""
        del key
        after = _made(self.spec).step(state, action)
        return after, Transition(after.reward, after.done > 0.5)

    def observation(self, state: PyTree) -> Array:
        """What the state says is seen."""
        return state.obs

    def completed(self, state: PyTree) -> PyTree:
        """The physics of a state's positions q and velocities q̇."""
        physics = state.pipeline_state
        return state.replace(pipeline_state=_made(self.spec).pipeline_init(physics.q, physics.qd))


def env(spec: Brax) -> Environment:
    """Finds the environment, and measures whether its observations determine its states.

    **Raises:** `DataError` where Brax isn't installed or doesn't know the name, or where it can't be made of the
    settings.
    """
    return _wrapped(spec)


@cache
def _wrapped(spec: Brax) -> Environment:
    made = _made(spec)
    if not isinstance(made.observation_size, int):
        raise DataError(f"Observations of {spec.id} must be one vector, got {made.observation_size}. Wrap it.")
    infinite = (float("inf"),) * made.observation_size
    spaces = Spaces(observation=Box.symmetric(infinite), action=Box.symmetric((1.0,) * made.action_size))
    return foreign_environment(BraxDynamics(spec), name=spec.id, spaces=spaces, max_steps=spec.max_steps)


@cache
def _made(spec: Brax) -> Any:
    envs = _brax_envs()
    if spec.id not in envs._envs:
        raise DataError(f"Brax knows no environment {spec.id!r}. {nearest(spec.id, envs._envs)}")
    try:
        with warnings.catch_warnings(), jax.ensure_compile_time_eval():
            warnings.simplefilter("ignore")  # that Brax advertises its successor
            return envs.get_environment(spec.id, **dict(spec.kwargs))
    except (TypeError, ValueError, AssertionError, NotImplementedError) as error:
        raise DataError(f"Brax can't make {spec.id} with env.kwargs {dict(spec.kwargs)}: {error}") from error


def _brax_envs() -> Any:
    try:
        from brax import envs  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise DataError(
            f"env.kind brax needs Brax, which can't be imported: {error}. Run: pip install 'ilkit-brax[brax]'"
        ) from error
    return envs
