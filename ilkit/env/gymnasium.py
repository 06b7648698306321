"""Any environment registered with gymnasium, run on the host.

Observations stay what they are: arrays of any shape, whole numbers, or dictionaries of these; numbers of 64 bits get
32. What else there is, such as tuples, is flattened. Actions are continuous vectors or whole numbers. Goals are
observed as in gymnasium's robotics, or made of entries of the observation and of what a reset hands out.
"""

import importlib
import warnings
from typing import Annotated, Any, Literal

import equinox as eqx
import gymnasium
import gymnasium.wrappers
import numpy as np
from gymnasium.spaces import flatten, flatten_space
from gymnasium.wrappers import TransformAction, TransformObservation
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from ilkit.data.environment import HostEnvironment
from ilkit.data.goal_entries import goal_faults, warn_of_tolerance
from ilkit.data.goal_settings import Goal
from ilkit.data.spaces import Spaces
from ilkit.errors import DataError, nearest
from ilkit.foreign.goals import check_goals, has_nested_goals, told_tolerance, with_flat_entries, with_goals
from ilkit.foreign.own_generator import OwnGenerator
from ilkit.foreign.spaces import space_of
from ilkit.spec import Kwargs, Plain, Spec
from ilkit.stepping.mujoco_warnings import hear_mujoco


class Wrapper(BaseModel):
    """A wrapper of `gymnasium.wrappers` with its arguments."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: Annotated[str, Field(min_length=1)]
    __pydantic_extra__: dict[str, Plain]

    def around(self, one: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
        """Wraps an environment.

        **Raises:** `DataError` where there is no such wrapper, or it doesn't take the arguments.
        """
        if self.name not in gymnasium.wrappers.__all__:
            raise DataError(f"gymnasium has no wrapper {self.name!r}. {nearest(self.name, gymnasium.wrappers.__all__)}")
        try:
            wrapped: gymnasium.Env[Any, Any] = getattr(gymnasium.wrappers, self.name)(one, **self.__pydantic_extra__)
        except (TypeError, ValueError, AssertionError) as error:
            raise DataError(f"The wrapper {self.name} can't be put around {one}: {error}.") from error
        return wrapped

    def __hash__(self) -> int:
        return hash((self.name, *sorted(self.__pydantic_extra__.items())))


class Gymnasium(Spec):
    """Any environment registered with gymnasium, run on the host."""

    kind: Literal["gymnasium"] = "gymnasium"
    id: Annotated[str, Field(min_length=1)] = "Pendulum-v1"
    """The name it is registered under, such as Hopper-v5; `module:NAME` imports the module that registers it first."""
    kwargs: Kwargs = ()
    """The arguments of its constructor, by name."""
    max_steps: PositiveInt | None = None
    """The number of steps after which an episode is truncated; that of its registration where none is given."""
    wrappers: tuple[Wrapper, ...] = ()
    """Wrappers of gymnasium around it, the innermost first: `[{name: FrameStackObservation, stack_size: 4}]`."""
    num_workers: Annotated[int, Field(ge=1, le=64)] = 1
    """The processes that run whole episodes side by side; no result depends on it."""
    repeats: bool = True
    """Whether a seed and actions decide an episode; say false of one with randomness of its own, to run it anyway."""
    seed_numpy: bool = False
    """Whether a reset seeds `numpy.random`, too, for those that draw from it, as OGBench's do."""
    goal: Goal | None = None
    """What of an observation without goals is one: `{achieved: [0, 1], tolerance: 0.5}`. The goal is that of `desired`,
    else `info["goal"]` of the reset. The tolerance is for those with goals, too, where they don't tell it."""


class GymnasiumEnvironment(HostEnvironment):
    """A registered environment, wrapped where its spaces need it."""

    spec: Gymnasium
    spaces: Spaces = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)

    @property
    def num_workers(self) -> int:
        """The number of processes that run episodes of it."""
        return self.spec.num_workers

    @property
    def repeats(self) -> bool:
        """Whether the seed of a reset and the actions after it decide an episode."""
        return self.spec.repeats

    def make(self, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
        """Makes a single environment, wrapped no more than it needs."""
        return _make(self.spec, self.max_steps, render_mode)


class GoalEnvironment(GymnasiumEnvironment):
    """One that tells where to go, and of which it is known how far away counts as there."""

    goal_tolerance: float = eqx.field(static=True)
    """How far from the goal still counts as reached."""


def env(spec: Gymnasium) -> HostEnvironment:
    """Finds the environment, and the spaces it has once wrapped; warns of goals that can't be reached.

    **Raises:** `DataError` where the name is unknown, a constructor fails, there is no time limit, a space is of no
    kind that can be flattened, or there is no goal where one is wanted.
    """
    max_steps = spec.max_steps or _registered(spec.id).max_episode_steps
    if max_steps is None:
        raise DataError(f"{spec.id} is registered without a time limit, and needs one. Set max_steps of env.gymnasium.")
    one = _make(spec, max_steps)
    spaces = Spaces(observation=space_of(one.observation_space), action=space_of(one.action_space))
    if spec.goal is not None:
        check_goals(one, spec.id)
    tolerance = spec.goal.tolerance if spec.goal and spec.goal.tolerance is not None else told_tolerance(one)
    one.close()
    if tolerance is None or goal_faults(spaces.observation):
        return GymnasiumEnvironment(spec=spec, spaces=spaces, max_steps=max_steps)
    warn_of_tolerance(tolerance, spaces.observation)
    return GoalEnvironment(spec=spec, spaces=spaces, max_steps=max_steps, goal_tolerance=tolerance)


def _registered(name: str) -> Any:
    module, _, short = name.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise DataError(f"The module before the colon in {name!r} can't be imported: {error}. Install it.") from error
    except Exception as error:  # whatever its author's code raises
        raise DataError(f"The module before the colon in {name!r} raised {type(error).__name__}: {error}.") from error
    try:
        return gymnasium.spec(short)
    except gymnasium.error.Error as error:
        known = [known for known in gymnasium.registry if "/" not in known]
        raise DataError(f"gymnasium knows no environment {name!r}. {nearest(name, known)}") from error


def _make(spec: Gymnasium, max_steps: int, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
    registered = _registered(spec.id)
    if "mujoco" in str(registered.entry_point):
        hear_mujoco()
    kwargs: dict[str, Any] = dict(spec.kwargs) | ({"render_mode": render_mode} if render_mode else {})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # an older version was asked for by name
            one = gymnasium.make(spec.id, max_episode_steps=max_steps, disable_env_checker=True, **kwargs)
    except gymnasium.error.DependencyNotInstalled as error:
        raise DataError(
            f"{spec.id} needs more than is installed: {error}. For MuJoCo: pip install 'ilkit[mujoco]'."
        ) from error
    except Exception as error:  # whatever its author's code raises
        raise DataError(f"gymnasium can't make {spec.id} with {kwargs}: {type(error).__name__}: {error}") from error
    one = OwnGenerator(one) if spec.seed_numpy else one
    for wrapper in spec.wrappers:
        one = wrapper.around(one)
    if not _is_plain(one.observation_space):
        nested = has_nested_goals(one.observation_space)
        one = with_flat_entries(one) if nested else _with_vector_observations(one, spec.id)
    one = one if spec.goal is None else with_goals(one, spec.goal)
    return one if _is_vector(one.action_space) else _with_vector_actions(one, spec.id)


def _is_plain(space: Any) -> bool:
    if isinstance(space, gymnasium.spaces.Dict):
        return all(_is_leaf(entry) for entry in space.values())
    return _is_leaf(space)


def _is_leaf(space: Any) -> bool:
    if isinstance(space, gymnasium.spaces.MultiDiscrete):
        return space.nvec.ndim == 1 and not space.start.any()
    return isinstance(space, (gymnasium.spaces.Box, gymnasium.spaces.Discrete, gymnasium.spaces.MultiBinary))


def _is_vector(space: Any) -> bool:
    is_box = isinstance(space, gymnasium.spaces.Box)
    is_vector = is_box and len(space.shape) == 1 and np.issubdtype(space.dtype, np.floating)
    return is_vector or isinstance(space, gymnasium.spaces.Discrete)


def _with_vector_observations(one: gymnasium.Env[Any, Any], name: str) -> gymnasium.Env[Any, Any]:
    space = one.observation_space
    if not space.is_np_flattenable:
        raise DataError(f"Observations must flatten to a vector, got {space} in {name}. Wrap it.")

    def flat(obs: Any) -> np.ndarray:
        return np.asarray(flatten(space, obs), np.float32)

    seen: Any = flatten_space(space)
    return TransformObservation(one, flat, gymnasium.spaces.Box(seen.low, seen.high, seen.shape, np.float32))


def _with_vector_actions(one: gymnasium.Env[Any, Any], name: str) -> gymnasium.Env[Any, Any]:
    space = one.action_space
    if not isinstance(space, gymnasium.spaces.Box):
        raise DataError(f"Actions must be a Box or Discrete space, got {space} in {name}. Wrap it.")
    low, high, shape, dtype = space.low, space.high, space.shape, space.dtype

    def clipped(action: np.ndarray) -> np.ndarray:
        return np.clip(action.reshape(shape), low, high).astype(dtype)

    least, most = low.astype(np.float32).ravel(), high.astype(np.float32).ravel()
    return TransformAction(one, clipped, gymnasium.spaces.Box(least, most, dtype=np.float32))
