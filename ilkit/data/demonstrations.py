"""Recorded episodes."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree, Shaped

from ilkit.data.experience import Experience
from ilkit.data.mapped import copy_rows
from ilkit.data.padding import aligned, capacity_of
from ilkit.data.spaces import Space, Spaces, zeros
from ilkit.data.windows import Transitions
from ilkit.errors import DataError, counted


class Demonstrations(eqx.Module):
    """Episodes as flat arrays, one after the other: T + 1 observations and T actions each."""

    obs: PyTree[Shaped[np.ndarray, "num_obs ..."]]
    """An array, or a dictionary of arrays, each in its own type."""
    actions: np.ndarray
    rewards: Float[np.ndarray, " num_steps"]
    terminated: Bool[np.ndarray, " num_episodes"]
    """Whether the environment ended an episode."""
    truncated: Bool[np.ndarray, " num_episodes"]
    """Whether a time limit cut an episode."""
    lengths: Int[np.ndarray, " num_episodes"]
    """The number of actions of each episode."""
    spaces: Spaces = eqx.field(static=True)
    success: Float[np.ndarray, " num_episodes"] | None = None
    """1 for an episode that reached its goal, 0 for one that didn't, NaN where nobody knows; None where none does."""
    executed: np.ndarray | None = None
    """What was done in each step, where `actions` are labels of something else; None where `actions` were done."""
    follows: Bool[np.ndarray, " num_episodes"] | None = None
    """Whether what an episode observed is what its actions led to; None where that holds of all."""
    weights: Float[np.ndarray, " num_steps"] | None = None
    """How much each step counts for who learns from it, 0 for one that was thinned out; None where all count alike."""

    def __check_init__(self) -> None:
        if isinstance(self.lengths, np.ndarray):  # not inside a transformation of a pytree
            self.check()

    def check(self) -> None:
        """Checks that the arrays agree.

        **Raises:** `DataError` where an episode has no step, or an array has other rows than lengths and spaces say.
        """
        empty = np.flatnonzero(self.lengths < 1)
        if len(empty):
            got = f"{self.lengths[empty[0]]} in episode {empty[0]}"
            raise DataError(f"Every episode must have at least one step, got {got}. Leave it out.")
        steps, episodes = int(self.lengths.sum()), len(self.lengths)
        for rows in jax.tree.leaves(self.obs):
            _check_rows("obs", rows, steps + episodes, "one more than actions in every episode")
        _check_rows("actions", self.actions, steps, "the sum of lengths")
        _check_rows("rewards", self.rewards, steps, "the sum of lengths")
        _check_rows("terminated", self.terminated, episodes, "one an episode")
        _check_rows("truncated", self.truncated, episodes, "one an episode")
        if self.success is not None:
            _check_rows("success", self.success, episodes, "one an episode")
        if self.executed is not None:
            _check_rows("executed", self.executed, steps, "the sum of lengths")
            _check_space("executed", self.executed, self.spaces.action)
        if self.follows is not None:
            _check_rows("follows", self.follows, episodes, "one an episode")
        if self.weights is not None:
            _check_rows("weights", self.weights, steps, "the sum of lengths")
            if not (np.isfinite(self.weights).all() and (self.weights >= 0).all() and self.weights.any()):
                raise DataError(
                    "weights must be finite, at least 0, and above 0 somewhere: without a step that counts there is "
                    "nothing to learn from. Thin out less."
                )
        _check_space("obs", self.obs, self.spaces.observation)
        _check_space("actions", self.actions, self.spaces.action)

    @property
    def num_episodes(self) -> int:
        """The number of episodes."""
        return len(self.lengths)

    @property
    def num_steps(self) -> int:
        """The number of actions in all episodes."""
        return int(self.lengths.sum())

    @property
    def counted(self) -> Bool[np.ndarray, " num_steps"]:
        """Which steps count for who learns from them: all but those with a weight of 0."""
        return np.ones(self.num_steps, bool) if self.weights is None else self.weights > 0

    @property
    def num_counted(self) -> int:
        """The number of steps that count."""
        return int(self.counted.sum())

    @property
    def size(self) -> str:
        """How many episodes and steps, and how many of these count, in words."""
        counting = "" if self.weights is None else f", {self.num_counted:,} of which count"
        return f"{counted(self.num_episodes, 'episode')}, {counted(self.num_steps, 'step')}{counting}"

    @property
    def num_obs(self) -> int:
        """The number of observations in all episodes."""
        return self.num_steps + self.num_episodes

    @property
    def stops(self) -> Int[np.ndarray, " num_episodes"]:
        """The row after the last step of each episode."""
        return np.cumsum(self.lengths, dtype=np.int64)

    @property
    def starts(self) -> Int[np.ndarray, " num_episodes"]:
        """The row of the first step of each episode; its first observation has as many rows more as its number."""
        return self.stops - self.lengths

    @property
    def returns(self) -> Float[np.ndarray, " num_episodes"]:
        """The undiscounted sum of rewards of each episode."""
        return np.add.reduceat(self.rewards.astype(np.float64), self.starts)

    @property
    def taken(self) -> np.ndarray:
        """The action that was executed in each step."""
        return self.actions if self.executed is None else self.executed

    def experience(self) -> Experience:
        """All steps that count as rows for reinforcement, with what was done in them.

        **Raises:** `DataError` where what an episode observed isn't what its actions led to, or some of the steps that
        count do so more than others.
        """
        self.check_equal_weights("Reinforcement")
        if self.follows is not None and not self.follows.all():
            broken = np.flatnonzero(~self.follows)
            raise DataError(
                f"Reinforcement needs steps whose next observation is what the action led to, which {len(broken)} of "
                f"{self.num_episodes} episodes lack (the first is {broken[0]}): they were augmented. Hand over the "
                "demonstrations before they were, or leave out augment."
            )
        ended = self.at_last_step(self.terminated).astype(np.float32)
        columns = (self.before(), self.taken, self.rewards, self.after(), ended)
        if self.weights is not None:
            columns = jax.tree.map(lambda rows: rows[self.counted], columns)
        return Experience(*jax.tree.map(jnp.asarray, columns))

    def check_equal_weights(self, who: str) -> None:
        """Raises `DataError` where some steps that count do so more than others; `who` takes none such."""
        above = np.zeros(1) if self.weights is None else self.weights[self.counted]
        if above.min() < above.max():
            raise DataError(
                f"{who} takes all steps that count alike, so their weights must be 0 or of one size, got "
                f"{above.min():g} to {above.max():g}. Imitate, which weighs, or set the weights to 0 and 1."
            )

    def episode_of(self, rows: Int[np.ndarray, "*rows"] | None = None) -> Int[np.ndarray, "*rows"]:
        """The number of the episode that each of these rows of steps belongs to; by default, of all of them."""
        if rows is None:
            return np.repeat(np.arange(self.num_episodes), self.lengths)
        return np.asarray(np.searchsorted(self.stops, rows, side="right"))

    def before(self, rows: Int[np.ndarray, "*rows"] | None = None) -> PyTree[Shaped[np.ndarray, "..."]]:
        """The observation before the action of each of these rows, or of all."""
        return self._observed(rows, 0)

    def after(self, rows: Int[np.ndarray, "*rows"] | None = None) -> PyTree[Shaped[np.ndarray, "..."]]:
        """The observation after the action of each of these rows, or of all."""
        return self._observed(rows, 1)

    def at_last_step(self, flags: Shaped[np.ndarray, " num_episodes"]) -> Shaped[np.ndarray, " num_steps"]:
        """Flags of episodes as flags of their last steps, zero in all others."""
        rows = np.zeros(self.num_steps, flags.dtype)
        rows[self.stops - 1] = flags
        return rows

    def take(self, episodes: Int[np.ndarray, " chosen"]) -> "Demonstrations":
        """The episodes of these numbers, in this order.

        **Raises:** `DataError` where there are none.
        """
        if not len(episodes):
            raise DataError(f"None of the {self.num_episodes} episodes is left. Ask for less.")
        return self.stretches(self.starts[episodes], self.lengths[episodes])

    def cut(self, lengths: Int[np.ndarray, " num_episodes"]) -> "Demonstrations":
        """The first so many steps of each episode, at most all of them; one that went on is called truncated there."""
        return self.stretches(self.starts, np.minimum(lengths, self.lengths).astype(self.lengths.dtype))

    def stretches(self, rows: Int[np.ndarray, " chosen"], lengths: Int[np.ndarray, " chosen"]) -> "Demonstrations":
        """So many steps from each of these rows on, as episodes; one whose episode goes on is called truncated there.

        None may be longer than what is left of its episode.
        """
        numbers, counts = self.episode_of(rows), lengths.astype(np.int64)
        steps, observed = _stretches(rows, counts), _stretches(rows + numbers, counts + 1)
        ends = rows + counts == self.stops[numbers]
        success = None if self.success is None else self.success[numbers]
        return Demonstrations(
            obs=jax.tree.map(lambda column: column[observed], self.obs),
            actions=self.actions[steps],
            rewards=self.rewards[steps],
            terminated=self.terminated[numbers] & ends,
            truncated=self.truncated[numbers] | ~ends,
            lengths=lengths,
            spaces=self.spaces,
            success=None if success is None else np.where(ends, success, np.asarray(np.nan, success.dtype)),
            executed=None if self.executed is None else self.executed[steps],
            follows=None if self.follows is None else self.follows[numbers],
            weights=None if self.weights is None else self.weights[steps],
        )

    def transitions(self) -> Transitions:
        """All steps as rows, on the device, padded to a round number of them."""
        steps, episodes = self.num_steps, self.num_episodes
        capacity = capacity_of(steps)

        def pad(rows: np.ndarray, more: int = 0) -> Array:
            padded = aligned((capacity + more, *rows.shape[1:]), rows.dtype)
            copy_rows(rows, padded)
            padded[len(rows) :] = 0
            return jax.device_put(padded)

        return Transitions(
            jax.tree.map(lambda rows: pad(rows, capacity_of(episodes)), self.obs),
            pad(self.actions),
            pad(self.rewards),
            pad(self.at_last_step(self.terminated)),
            pad(self.episode_of().astype(np.int32)),
            jnp.asarray(steps, jnp.int32),
            jnp.asarray(episodes, jnp.int32),
            weights=None if self.weights is None else pad(self.weights),
        )

    def _observed(self, rows: Int[np.ndarray, "*rows"] | None, later: int) -> PyTree[Shaped[np.ndarray, "..."]]:
        steps = np.arange(self.num_steps) if rows is None else rows
        places = steps + self.episode_of(rows) + later  # every earlier episode has one observation more than actions
        return jax.tree.map(lambda column: column[places], self.obs)


def _stretches(starts: Int[np.ndarray, " chosen"], counts: Int[np.ndarray, " chosen"]) -> Int[np.ndarray, " rows"]:
    """The rows from each start on, as many as its count."""
    rows: np.ndarray = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return rows


def concatenate(parts: list[Demonstrations]) -> Demonstrations:
    """The episodes of all the parts, in their order."""

    def joined(columns: list[PyTree]) -> PyTree:
        return jax.tree.map(lambda *rows: np.concatenate(rows), *columns)

    def known(name: str, missing: Callable[[Demonstrations], np.ndarray]) -> np.ndarray | None:
        columns = [getattr(part, name) for part in parts]
        if all(column is None for column in columns):
            return None
        return np.concatenate(
            [missing(part) if column is None else column for part, column in zip(parts, columns, strict=True)]
        )

    return Demonstrations(
        obs=joined([part.obs for part in parts]),
        actions=joined([part.actions for part in parts]),
        rewards=joined([part.rewards for part in parts]),
        terminated=joined([part.terminated for part in parts]),
        truncated=joined([part.truncated for part in parts]),
        lengths=joined([part.lengths for part in parts]),
        spaces=parts[0].spaces,
        success=known("success", lambda part: np.full(part.num_episodes, np.nan, np.float32)),
        executed=known("executed", lambda part: part.actions),
        follows=known("follows", lambda part: np.ones(part.num_episodes, bool)),
        weights=known("weights", lambda part: np.ones(part.num_steps, np.float32)),
    )


def _check_rows(name: str, rows: np.ndarray, expected: int, rule: str) -> None:
    if len(rows) != expected:
        raise DataError(f"{name} must have {expected} rows ({rule}), got {len(rows)}.")


def _check_space(name: str, rows: PyTree, space: Space) -> None:
    wanted, got = (jax.tree.map(_row, each) for each in (zeros(space, 1), rows))
    if wanted != got:
        raise DataError(f"{name} must be rows of {wanted}, got {got}. Give the space that they were recorded in.")


def _row(column: np.ndarray) -> str:
    return f"{column.dtype}{list(column.shape[1:])}"
