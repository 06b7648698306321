"""Whether an environment does what was recorded: it is set to recorded states and given the recorded actions.

A transition is reproduced where no entry of the next observation is farther off than `tolerance`, in units of the
standard deviation of that entry's change in a step. Transitions that aren't are compared with
what the action recorded one step earlier or later leads to: where that fits, states and actions are shifted against
each other.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from ilkit.curating.fault import Fault, places_of
from ilkit.curating.faults import outside_faults
from ilkit.curating.flat import without_goals
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Dict, Discrete, vectors
from ilkit.errors import DataError, counted

SHIFTS = (0, 1, -1)
"""By how much later the action was recorded than the one that is replayed."""
TOLERANCE = 0.01
"""What is tolerated, in units of the change in a step; another release of a simulator may be off by ten times that."""
_ROUNDING = 1e-5
"""The least tolerance, in units of the largest observation: float32 rounds at 1e-7, and a step adds to it."""
_BETTER = 4.0
"""How many times less an action of another step must be off, where it isn't within the tolerance either."""
_MOST = 0.5
"""The share of what isn't reproduced that a shift has to explain."""
_FEWEST = 0.02
"""The least share of the steps with another action beside them that it has to explain."""


@runtime_checkable
class Replayer(Protocol):
    """An environment that can be set to what was observed."""

    @property
    def name(self) -> str:
        """What the environment is called."""

    @property
    def action(self) -> Box | Discrete:
        """What may be done in it."""

    def fitting(self, demos: Demonstrations) -> None:
        """Raises `DataError` where the data can't be from this environment, or its states can't be set."""

    def usable(self, obs: Float[np.ndarray, "rows obs"]) -> Bool[np.ndarray, " rows"]:
        """Whether the state can be got from an observation."""

    def next_obs(self, obs: Float[np.ndarray, "rows obs"], actions: np.ndarray) -> Float[np.ndarray, "shifts rows obs"]:
        """What is observed after each action, given as (shifts, rows, *action), in the state of each observation."""


class Replayed(NamedTuple):
    """The transitions that were replayed."""

    rows: Int[np.ndarray, " rows"]
    """Which steps, counted over all episodes."""
    errors: Float[np.ndarray, "shifts rows"]
    """The largest error among the entries, in units of what is tolerated; infinite where there is no such action."""
    differs: Bool[np.ndarray, "shifts rows"]
    """Where there is such an action and it differs from the one that was recorded with the row."""
    num_drawn: int
    """How many were drawn, with those that aren't finite or whose state isn't observed."""
    tolerance: float

    @property
    def failed(self) -> Bool[np.ndarray, " rows"]:
        """Which transitions aren't reproduced."""
        failed: np.ndarray = self.errors[0] > 1.0
        return failed

    def explained_by(self, shift: int) -> Bool[np.ndarray, " rows"]:
        """Which transitions aren't reproduced as recorded, but by the action of another step."""
        own, other = self.errors[0], self.errors[SHIFTS.index(shift)]
        fits = (other <= 1.0) & (other < own / 2)
        explained: np.ndarray = self.failed & (fits | (other < own / _BETTER))  # a simulator may be somewhat off
        return explained


def replay(demos: Demonstrations, replayer: Replayer, limit: int = 1000, tolerance: float = TOLERANCE) -> Replayed:
    """Replays `limit` transitions drawn evenly from all, each with its action and those before and after it.

    Goals don't change what an action leads to, and are left aside.

    **Raises:** `DataError` where the environment and the data don't fit, or no state can be got from the observations.
    """
    demos = without_goals(demos)
    if isinstance(demos.spaces.observation, Dict):
        vectors(demos.spaces.observation, f"Replaying in {replayer.name}")
    replayer.fitting(demos)
    rows = _drawn(demos.num_steps, limit)
    obs, after = demos.before(rows), demos.after(rows)
    finite = _finite(obs) & _finite(after) & _finite(demos.taken[rows], demos.actions.ndim)
    usable = finite & replayer.usable(np.where(finite[:, None], obs, 0.0).astype(np.float32))
    if not usable.any():
        raise DataError(
            f"{replayer.name} can't be set to any of the {len(rows)} drawn observations, so nothing was replayed: "
            "its state isn't in them. Leave out --env."
        )
    num_drawn = len(rows)
    rows, obs, after = rows[usable], obs[usable], after[usable]
    neighbors, there = _neighbors(demos, rows)
    actions = demos.taken[neighbors]
    reached = replayer.next_obs(obs, actions)
    off = np.abs(reached.astype(np.float64) - after) / _tolerated(obs, after, tolerance)
    errors = np.nan_to_num(off.max(axis=2), nan=np.inf, posinf=np.inf)
    known = there & _finite(actions, demos.actions.ndim)
    differs = known & (actions != actions[0]).reshape(*neighbors.shape, -1).any(axis=2)
    return Replayed(rows, np.where(known, errors, np.inf), differs, num_drawn, tolerance)


def replay_faults(replayed: Replayed, demos: Demonstrations, name: str) -> tuple[Fault, ...]:
    """What replaying has found: a shift, and transitions that nothing explains."""
    return tuple(_faults(replayed, demos, name))


def beyond_faults(demos: Demonstrations, replayer: Replayer) -> tuple[Fault, ...]:
    """Actions that the environment doesn't allow, where its space isn't that of the demonstrations."""
    space = replayer.action
    if space == demos.spaces.action:
        return ()
    return tuple(outside_faults(demos, space, f"those of {replayer.name}"))


def _faults(replayed: Replayed, demos: Demonstrations, name: str) -> Iterator[Fault]:
    unexplained = replayed.failed
    for shift, said in (
        (1, "an action stands beside the state that it led to (a_t leads from s_(t-1) to s_t): states hold the action"),
        (-1, "an action stands one step too early (a_t leads from s_(t+1) to s_(t+2))"),
    ):
        shifted = replayed.explained_by(shift)
        apart = replayed.differs[SHIFTS.index(shift)]  # people hold an action for many steps, where no shift shows
        if shifted.sum() > max(_MOST * replayed.failed.sum(), _FEWEST * apart.sum()):
            unexplained &= ~shifted & np.isfinite(replayed.errors[SHIFTS.index(shift)])  # not the ends of episodes
            remedy = f"Move the actions by one step: pair s_t with a_(t{shift:+d})."
            where = (
                f"{counted(int(apart.sum()), 'replayed transition')} of {name} at which two neighboring actions differ"
            )
            told = f"{int(shifted.sum()):,} of {where} fit far better then; {said}"
            yield _fault("shifted by one", told, shifted, replayed, demos, remedy)
    if unexplained.any():
        off = replayed.tolerance * np.median(replayed.errors[0][unexplained])
        share = f"{int(unexplained.sum()):,} of {counted(len(unexplained), 'replayed transition')}"
        told = f"{share} of {name}, the median of them off by {off:.2g} of the change in a step"
        remedy = (
            "Other settings or another version of it, a state that isn't observed, or labels that aren't what was done."
        )
        yield _fault("transitions not reproduced", told, unexplained, replayed, demos, remedy)


def _fault(
    name: str, told: str, which: Bool[np.ndarray, " rows"], replayed: Replayed, demos: Demonstrations, remedy: str
) -> Fault:
    return Fault(name, int(which.sum()), told, places_of(replayed.rows[which], demos.lengths), remedy)


def _drawn(num_steps: int, limit: int) -> Int[np.ndarray, " rows"]:
    return np.unique(np.linspace(0, num_steps - 1, min(limit, num_steps)).round().astype(np.int64))


def _neighbors(demos: Demonstrations, rows: Int[np.ndarray, " rows"]) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the actions at each shift, and whether they belong to the same episode."""
    episode = demos.episode_of(rows)
    wanted = rows + np.asarray(SHIFTS)[:, None]
    there = (wanted >= demos.starts[episode]) & (wanted < demos.stops[episode])
    return np.where(there, wanted, rows), there


def _tolerated(
    obs: Float[np.ndarray, "rows obs"], after: Float[np.ndarray, "rows obs"], tolerance: float
) -> Float[np.ndarray, " obs"]:
    change = (after.astype(np.float64) - obs).std(axis=0)
    largest = np.abs(obs).max(axis=0).astype(np.float64)
    return np.maximum(tolerance * change, _ROUNDING * np.maximum(largest, 1e-3))


def _finite(rows: np.ndarray, ndim: int = 2) -> Bool[np.ndarray, "..."]:
    """Which vectors are finite; with `ndim` 1 an entry is a vector of its own."""
    finite = np.isfinite(rows)
    return np.asarray(finite.all(axis=-1) if ndim > 1 else finite)
