"""Recorded episodes: checked one by one and put together, whatever the format they come from."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.format import Wanted
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.errors import DataError, counted
from ilkit.files.actions import is_one_hot, ranged, recorded_actions
from ilkit.files.numbers import numbers
from ilkit.files.observations import described_rows, observations, observed_space, unbounded
from ilkit.files.precision import Precision
from ilkit.files.recording import Episode, Recording, Source


def assemble(recording: Recording, source: Source) -> Demonstrations:
    """Checks the episodes and puts them one after the other; spaces that the recording doesn't say have no bounds.

    **Raises:** `DataError` where there is none, or one is empty, ragged, not numeric, infinite or unlike the first.
    """
    precision = Precision()
    episodes = list(islice(_usable(recording, source, precision), source.wanted.max_episodes))
    if not episodes:
        raise DataError(f"{source.path} must hold at least one episode, got none. Was the recording ever finished?")
    for told in precision.told():
        source.note(f"{source.path}: {told}")
    actions = np.concatenate([episode.actions for episode in episodes])
    obs = jax.tree.map(lambda *rows: np.concatenate(rows), *(episode.obs for episode in episodes))
    terminated = np.array([episode.terminated for episode in episodes], bool)
    return Demonstrations(
        obs=obs,
        actions=actions,
        rewards=np.concatenate([_rewards(episode) for episode in episodes]),
        terminated=terminated,
        truncated=~terminated,
        lengths=np.array([len(episode.actions) for episode in episodes], np.int32),
        spaces=Spaces(
            observation=observed_space(obs, recording.observation, source.path),
            action=_action_space(actions, recording.action, source),
        ),
    )


def _usable(recording: Recording, source: Source, precision: Precision) -> Iterator[Episode]:
    wanted, first, number = source.wanted, None, -1
    for number, read in enumerate(recording.episodes):
        if number in wanted.skip_episodes:
            continue
        try:
            raw = read()
            episode = _checked(raw, recording.action, source)
            first = episode if first is None else first
            _check_alike(episode, first, source.path)
        except DataError as error:
            if source.is_paired:
                raise
            if not wanted.keep_going:
                remedy = f"skip_episodes: [{number}] leaves it out, keep_going all such."
                raise DataError(f"{error} {remedy}") from error
            source.note(f"{error} It is left out.")
            continue
        precision.compare(raw, episode)
        yield episode
    if wanted.skip_episodes and max(wanted.skip_episodes) > number:
        raise DataError(
            f"{source.path}: skip_episodes must be numbers of its {counted(number + 1, 'episode')}, from 0, got "
            f"{max(wanted.skip_episodes)}."
        )


def _checked(episode: Episode, space: Box | Discrete | None, source: Source) -> Episode:
    where = f"{source.path}, {episode.name}:"
    num_steps = len(episode.actions) if episode.actions.ndim else 0
    if num_steps == 0:
        raise DataError(f"{where} an episode must have at least one action, got none.")
    columns = [("observations", column, num_steps + 1) for column in jax.tree.leaves(episode.obs)]
    for name, column, rows in (*columns, ("rewards", episode.rewards, num_steps)):
        if column is not None and (column.ndim == 0 or len(column) != rows):
            got = len(column) if column.ndim else "a single number"
            raise DataError(f"{where} {num_steps} actions need {rows} {name}, got {got}. Is the episode cut off?")
    rewards = None if episode.rewards is None else numbers(episode.rewards, f"{where} rewards")
    if rewards is not None and rewards.shape[1] != 1:
        raise DataError(f"{where} rewards must be one number a step, got {rewards.shape[1]}.")
    return Episode(
        episode.name,
        observations(episode.obs, f"{where} observations"),
        recorded_actions(episode.actions, space, source.wanted.action_kind, f"{where} actions"),
        None if rewards is None else rewards[:, 0],
        bool(episode.terminated),
    )


def _check_alike(episode: Episode, first: Episode, path: Path) -> None:
    for name in ("obs", "actions"):
        ours, theirs = described_rows(getattr(episode, name)), described_rows(getattr(first, name))
        if ours != theirs:
            raise DataError(f"{path}, {episode.name}: {name} must be like those of {first.name}, {theirs}, got {ours}.")


def _rewards(episode: Episode) -> Float[np.ndarray, " steps"]:
    return np.full(len(episode.actions), np.nan, np.float32) if episode.rewards is None else episode.rewards


def _action_space(actions: np.ndarray, given: Box | Discrete | None, source: Source) -> Box | Discrete:
    wanted, path = source.wanted, source.path
    if actions.ndim == 1:
        if wanted.action_low or wanted.action_high:
            raise DataError(f"{path} holds discrete actions, which have no bounds. Leave out action_low and _high.")
        if not isinstance(given, Discrete) and actions.min() < 0:
            _decided(source, f"whole numbers from {actions.min()}, taken as discrete; action_kind can say continuous")
        return given if isinstance(given, Discrete) else ranged(actions)
    if given is None and wanted.action_kind is None and is_one_hot(actions):
        _decided(source, "one-hot vectors, taken as numbers; action_kind can say discrete")
    size = actions.shape[1]
    box = given if isinstance(given, Box) else unbounded(size)
    if box.size != size:
        raise DataError(f"{path} says that actions have size {box.size}, but holds {size} numbers a step.")
    return _bounded(box, wanted, path)


def _decided(source: Source, what: str) -> None:
    source.note(f"{source.path}: actions are {what}, as does an environment where the stage is given one.")


def _bounded(box: Box, wanted: Wanted, path: Path) -> Box:
    least, most = (tuple(end.tolist()) for end in box.bounds)
    low, high = _bound("action_low", wanted.action_low, least), _bound("action_high", wanted.action_high, most)
    reversed_ends = [dim for dim, ends in enumerate(zip(low, high, strict=True)) if ends[0] > ends[1]]
    if reversed_ends:
        dim = reversed_ends[0]
        raise DataError(
            f"{path}: the lowest action must be at most the highest, got {low[dim]:g} and {high[dim]:g} in entry {dim}."
        )
    return Box(low=low, high=high)


def _bound(name: str, given: tuple[float, ...] | None, default: tuple[float, ...]) -> tuple[float, ...]:
    if given is None:
        return default
    if len(given) not in (1, len(default)):
        raise DataError(
            f"{name} must have 1 entry or one for each of the {counted(len(default), 'entry')} of an action, got "
            f"{len(given)}."
        )
    return given * len(default) if len(given) == 1 else given
