"""Recorded episodes: checked one by one and put together, whatever the format they come from."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from pydantic import PositiveInt

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Discrete, Spaces, check_spaces
from ilkit.errors import DataError, IlkitError
from ilkit.files.numbers import check_numeric, numbers
from ilkit.spec import Spec

MAX_EXPANSION = 1000
"""How many times larger than its file an array may be: more is no compression but a bomb."""

Note = Callable[[str], None]
"""What is told, in a sentence each, about a file that could be read only with a decision."""

warn: Note = logging.getLogger("ilkit.dataset").warning
"""Tells it to the log, which prints it unless it is set up otherwise."""


class Recorded(Spec):
    """What the settings of all formats have in common."""

    path: Path
    """The file or folder, from the folder of `params.yaml`."""
    max_episodes: PositiveInt | None = None
    """How many episodes to take, from the first; all where none is given."""
    action_low: tuple[float, ...] | None = None
    """The lowest action, entry by entry or one number for all, where no environment is there to say it."""
    action_high: tuple[float, ...] | None = None
    """The highest action, in the same way."""


class RecordedSteps(Recorded):
    """The settings of formats that may lack the observation after the last action."""

    final_obs: Literal["drop", "repeat"] = "drop"
    """What to do where that observation is missing: `drop` takes the last one that is there, leaves out the action and
    the reward that follow it and calls the episode truncated; `repeat` takes it twice and keeps the action."""


class Episode(NamedTuple):
    """One episode as it was recorded: T + 1 observations, T actions and rewards."""

    name: str
    obs: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray | None
    terminated: bool
    """Whether the environment ended it; if not, the recording was cut, and it counts as truncated."""


@contextmanager
def reading(path: Path, form: str) -> Iterator[None]:
    """Explains whatever a library raises over a file that is damaged or of another format.

    **Raises:** `DataError`.
    """
    if not path.exists():
        raise DataError(f"There is no {path}. Give the path of a recording, from the folder of params.yaml.")
    try:
        yield
    except IlkitError:
        raise
    except Exception as error:  # parsers of damaged files raise anything
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise DataError(f"{path} can't be read as {form} ({reason}). Is it whole, and of this format?") from error


def assemble(
    episodes: Iterable[Episode],
    spec: Recorded,
    *,
    observation: Box | None = None,
    action: Box | Discrete | None = None,
) -> Demonstrations:
    """Checks the episodes and puts them one after the other; the spaces are those given, or else without bounds.

    **Raises:** `DataError` where there is none, or one is empty, ragged, not numeric, infinite or unlike the first.
    """
    checked = [_checked(episode, action, spec.path) for episode in islice(episodes, spec.max_episodes)]
    if not checked:
        raise DataError(f"{spec.path} must hold at least one episode, got none. Was the recording ever finished?")
    _check_alike(checked, spec.path)
    actions = np.concatenate([episode.actions for episode in checked])
    obs = np.concatenate([episode.obs for episode in checked])
    terminated = np.array([episode.terminated for episode in checked], bool)
    return Demonstrations(
        obs=obs,
        actions=actions,
        rewards=np.concatenate([_rewards(episode) for episode in checked]),
        terminated=terminated,
        truncated=~terminated,
        lengths=np.array([len(episode.actions) for episode in checked], np.int32),
        spaces=Spaces(
            observation=_observation_space(obs, observation, spec.path), action=_action_space(actions, action, spec)
        ),
    )


def adopt(demos: Demonstrations, spaces: Spaces, path: Path) -> Demonstrations:
    """The same episodes with the spaces of an environment, to learn from.

    **Raises:** `DataError`, which names the file, where they don't fit or a number isn't finite.
    """
    _check_finite("obs", demos.obs, demos.lengths + 1, path)
    _check_finite("actions", demos.actions, demos.lengths, path)
    ours, theirs = demos.spaces, spaces
    both_discrete = isinstance(ours.action, Discrete) and isinstance(theirs.action, Discrete)
    if both_discrete and demos.actions.max() < theirs.action.size:
        ours = ours.model_copy(update={"action": theirs.action})  # not every action need occur
    try:
        check_spaces(theirs, ours)
    except DataError as error:
        raise DataError(
            f"{path} must fit the environment: it has observations of size {ours.observation.size} and actions "
            f"{_named(ours.action)}, the environment {theirs.observation.size} and {_named(theirs.action)}. "
            "Choose the env that it was recorded in, with the same wrappers."
        ) from error
    return Demonstrations(
        demos.obs, demos.actions, demos.rewards, demos.terminated, demos.truncated, demos.lengths, spaces=theirs
    )


def _check_finite(name: str, rows: np.ndarray, counts: np.ndarray, path: Path) -> None:
    bad = ~np.isfinite(rows).reshape(len(rows), -1).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        episode = int(np.searchsorted(np.cumsum(counts), row, side="right"))
        step = row - int(counts[:episode].sum())
        raise DataError(
            f"{path}: {name} must be finite to learn from, got nan or infinity in episode {episode}, step {step}. "
            "`ilkit data check` names all such steps, `ilkit data filter` leaves episodes out."
        )


def unbounded(size: int) -> Box:
    """The box without limits."""
    return Box(low=(-np.inf,) * size, high=(np.inf,) * size)


def _checked(episode: Episode, space: Box | Discrete | None, path: Path) -> Episode:
    where = f"{path}, {episode.name}:"
    num_steps = len(episode.actions) if episode.actions.ndim else 0
    if num_steps == 0:
        raise DataError(f"{where} an episode must have at least one action, got none. Leave it out.")
    for name, column, rows in (("observations", episode.obs, num_steps + 1), ("rewards", episode.rewards, num_steps)):
        if column is not None and (column.ndim == 0 or len(column) != rows):
            got = len(column) if column.ndim else "a single number"
            raise DataError(f"{where} {num_steps} actions need {rows} {name}, got {got}. Is the episode cut off?")
    rewards = None if episode.rewards is None else numbers(episode.rewards, f"{where} rewards")
    if rewards is not None and rewards.shape[1] != 1:
        raise DataError(f"{where} rewards must be one number a step, got {rewards.shape[1]}.")
    return Episode(
        episode.name,
        numbers(episode.obs, f"{where} observations"),
        _actions(episode.actions, space, f"{where} actions"),
        None if rewards is None else rewards[:, 0],
        bool(episode.terminated),
    )


def _actions(values: np.ndarray, space: Box | Discrete | None, what: str) -> np.ndarray:
    check_numeric(values.dtype, what)
    single = values.ndim == 1 or values.shape[1:] == (1,)
    if isinstance(space, Box) or values.dtype.kind == "f" or not single:
        return numbers(values, what)
    highest = space.size if isinstance(space, Discrete) else 2**31 - 1
    outside = (values < 0) | (values >= highest)
    if outside.any():
        step = int(outside.reshape(len(values)).argmax())
        got = values.reshape(-1)[step]
        raise DataError(f"{what} must be whole numbers from 0 to {highest - 1}, got {got} at step {step}.")
    return values.reshape(-1).astype(np.int32)


def _check_alike(episodes: list[Episode], path: Path) -> None:
    first = episodes[0]
    for episode in episodes:
        for name in ("obs", "actions"):
            ours, theirs = getattr(episode, name), getattr(first, name)
            if (ours.shape[1:], ours.dtype) != (theirs.shape[1:], theirs.dtype):
                raise DataError(
                    f"{path}, {episode.name}: {name} must be like those of {first.name}, {theirs.dtype} of shape "
                    f"{theirs.shape[1:]}, got {ours.dtype} of shape {ours.shape[1:]}. Leave one of them out."
                )


def _rewards(episode: Episode) -> Float[np.ndarray, " steps"]:
    return np.full(len(episode.actions), np.nan, np.float32) if episode.rewards is None else episode.rewards


def _observation_space(obs: np.ndarray, given: Box | None, path: Path) -> Box:
    if given is not None and given.size != obs.shape[1]:
        raise DataError(f"{path} says that observations have size {given.size}, but holds {obs.shape[1]}.")
    return given or unbounded(obs.shape[1])


def _action_space(actions: np.ndarray, given: Box | Discrete | None, spec: Recorded) -> Box | Discrete:
    if actions.ndim == 1:
        if spec.action_low or spec.action_high:
            raise DataError(
                f"{spec.path} holds discrete actions, which have no bounds. Leave out action_low and _high."
            )
        return given or Discrete(size=int(actions.max()) + 1)
    size = actions.shape[1]
    if given is not None and (given.kind, given.size) != ("box", size):
        raise DataError(f"{spec.path} says that actions are {_named(given)}, but holds {size} numbers a step.")
    box = given if isinstance(given, Box) else unbounded(size)
    return Box(
        low=_bound("action_low", spec.action_low, tuple(box.bounds[0])),
        high=_bound("action_high", spec.action_high, tuple(box.bounds[1])),
    )


def _bound(name: str, given: tuple[float, ...] | None, default: tuple[float, ...]) -> tuple[float, ...]:
    if given is None:
        return default
    if len(given) not in (1, len(default)):
        raise DataError(f"{name} must have 1 entry or one for each of the {len(default)} actions, got {len(given)}.")
    return given * len(default) if len(given) == 1 else given


def _named(space: Box | Discrete) -> str:
    return f"of size {space.size}" if isinstance(space, Box) else f"from 0 to {space.size - 1}"
