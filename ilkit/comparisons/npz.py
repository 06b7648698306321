"""Pairs of clips of numbers in a NumPy archive: one row a pair, of as many steps each."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.format import Wanted, warn
from ilkit.data.preferences import Preferences, shuffled
from ilkit.errors import DataError, held
from ilkit.files.adoption import adopt, check_finite
from ilkit.files.archive import Archive, open_npz
from ilkit.files.bounds import check_bounds
from ilkit.files.episodes import assemble
from ilkit.files.recording import Episode, Recording, Source
from ilkit.files.steps import Steps, ended
from ilkit.spec import Spec

Names = tuple[str, str]
"""Those of the first and of the second clip."""


class NPZ(Spec):
    """Pairs of clips in a NumPy archive."""

    kind: Literal["npz"] = "npz"
    path: Path = Path("comparisons.npz")
    """The file, from the folder of `params.yaml`."""
    obs: Names = ("observations", "observations_2")
    """The names of the observations of both clips, of shape (pairs, T, ...) or (pairs, T + 1, ...)."""
    actions: Names = ("actions", "actions_2")
    """The names of the actions, of shape (pairs, T, ...)."""
    rewards: Names = ("rewards", "rewards_2")
    """The names of the rewards, if there are any, of shape (pairs, T)."""
    lengths: Names = ("lengths", "lengths_2")
    """The names of the numbers of steps of each clip, where they don't all have T."""
    labels: str | None = "labels"
    """The name of the answers, one a pair, or of two columns that say how much each clip is preferred; null where the
    first clips are those that are preferred."""
    label: Literal["first", "second"] = "first"
    """Whose probability of being preferred an answer of a single column is."""
    final_obs: Literal["drop", "repeat"] = "repeat"
    """What to do where the observation after the last action is missing: leave out that action, or take the last
    observation twice."""
    action_kind: Literal["discrete", "continuous"] | None = None
    """What whole numbers are as actions, where no environment is there to say it."""

    def idle(self) -> Mapping[str, str]:
        """Where no answer is read, nothing is told of what it means."""
        return {} if self.labels else {"label": "only where labels names an array"}


def comparisons(
    spec: NPZ, env: Build[Environment | HostEnvironment] | None = None, *, key: PRNGKeyArray
) -> Preferences:
    """Reads the pairs, with the environment's spaces where there is one; which clip comes first is drawn anew.

    **Raises:** `DataError` where the file can't be read, no answers are there, a clip is empty, an answer is no
    probability, all answers are the same, what was recorded doesn't fit the environment, or an action is out of its
    bounds.
    """
    with open_npz(spec.path) as archive:
        episodes = [episode for side in (0, 1) for episode in _clips(archive, spec, side)]
        count = len(archive.array(spec.actions[0]))
        probability = _probability(archive, spec, count)
    wanted = Wanted(final_obs=spec.final_obs, action_kind=spec.action_kind)
    if len(episodes) != 2 * count:
        raise DataError(
            f"{spec.path}: there must be a second clip for each of {count} first ones, got {len(episodes) - count}."
        )
    both = assemble(Recording(episodes), Source(spec.path, warn, wanted, is_paired=True))
    check_finite(both, spec.path)
    both = both if env is None else adopt(both, env().spaces, spec.path)
    check_bounds(both, spec.path, lambda clip: f"clip {clip // count + 1} of pair {clip % count}")
    made = Preferences(both.take(np.arange(count)), both.take(np.arange(count, 2 * count)), probability)
    mixed = shuffled(made, key=key)
    mixed.check_telling()
    return mixed


def _clips(archive: Archive, spec: NPZ, side: int) -> list[partial[Episode]]:
    obs, actions = archive.array(spec.obs[side]), archive.array(spec.actions[side])
    rewards = archive.array(spec.rewards[side]) if spec.rewards[side] in archive.names else None
    for name, column in ((spec.obs[side], obs), (spec.rewards[side], rewards)):
        if column is not None and (column.ndim < 2 or actions.ndim < 2 or len(column) != len(actions)):
            shapes = f"{column.shape} beside actions of shape {actions.shape}"
            raise DataError(f"{spec.path}: {name} must have an axis of pairs and then one of steps, got {shapes}.")
    lengths = _lengths(archive, spec, side, len(actions), actions.shape[1])
    source = Source(spec.path, warn, Wanted(final_obs=spec.final_obs), is_paired=True)

    def clip(pair: int) -> Episode:
        name, steps = f"clip {side + 1} of pair {pair}", slice(int(lengths[pair]))
        reward = None if rewards is None else rewards[pair, steps]
        if obs.shape[1] == actions.shape[1]:
            return ended(name, Steps(obs[pair, steps], None, actions[pair, steps], reward, None), source)
        return Episode(name, obs[pair, : lengths[pair] + 1], actions[pair, steps], reward, terminated=False)

    return [partial(clip, pair) for pair in range(len(actions))]


def _lengths(archive: Archive, spec: NPZ, side: int, count: int, time: int) -> Int[np.ndarray, " pairs"]:
    name = spec.lengths[side]
    if name not in archive.names:
        return np.full(count, time)
    lengths = archive.array(name)
    if lengths.shape != (count,) or lengths.dtype.kind not in "iu":
        raise DataError(f"{spec.path}: {name} must be {count} whole numbers, got {lengths.dtype}{list(lengths.shape)}.")
    wrong = np.flatnonzero((lengths < 1) | (lengths > time))
    if len(wrong):
        raise DataError(
            f"{spec.path}: {name} must be from 1 to {time}, the steps that there are, got {lengths[wrong[0]]} in pair "
            f"{wrong[0]}. Leave out pairs with an empty clip."
        )
    return lengths.astype(np.int64)


def _probability(archive: Archive, spec: NPZ, count: int) -> Float[np.ndarray, " pairs"]:
    if spec.labels is None:
        return np.ones(count, np.float32)
    if spec.labels not in archive.names:
        raise DataError(
            f"{spec.path} has no array of answers {spec.labels!r}. Name it in comparisons.npz.labels, or set that to "
            f"null where the first clips were preferred. Of those that nothing reads: {held(_unread(archive, spec))}"
        )
    labels = archive.array(spec.labels).astype(np.float64)
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.shape not in ((count,), (count, 2)):
        raise DataError(
            f"{spec.path}: {spec.labels} must be one answer for each of {count} pairs, or two columns, got the shape "
            f"{labels.shape}."
        )
    if labels.ndim == 2:
        _check_columns(labels, spec)
        labels = labels[:, 0]
    elif spec.label == "second":
        labels = 1 - labels
    return labels.astype(np.float32)


def _unread(archive: Archive, spec: NPZ) -> set[str]:
    return archive.names.difference(spec.obs, spec.actions, spec.rewards, spec.lengths)


def _check_columns(labels: Float[np.ndarray, "pairs 2"], spec: NPZ) -> None:
    wrong = np.flatnonzero(~np.isclose(labels.sum(axis=1), 1.0, atol=1e-4))
    if len(wrong):
        raise DataError(
            f"{spec.path}: the columns of {spec.labels} must sum to 1, got {labels[wrong[0]].tolist()} in pair "
            f"{wrong[0]}. Divide by the sum, and leave out pairs that nobody could compare."
        )
