"""Steps of episodes on the device, and stretches of them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree


class Window(NamedTuple):
    """Consecutive steps of one episode, time leading; of many, where a batch axis leads before it."""

    obs: PyTree
    """The observation before each action."""
    actions: Array
    mask: Bool[Array, "*batch time"]
    """Which steps lie in the episode; what stands in the others means nothing."""
    counts: Bool[Array, "*batch time"] | None = None
    """Which steps count for who learns from their actions; None where all that lie in the episode do."""

    @property
    def fitted(self) -> Bool[Array, "*batch time"]:
        """The steps whose actions are learnt from. Observations of the others are still seen on the way."""
        return self.mask if self.counts is None else self.mask & self.counts


class Transitions(NamedTuple):
    """Steps of all episodes, one a row, padded to a round number; only the first `count` rows are valid.

    Observations are stored once, T + 1 rows an episode: what precedes the action of a row r of episode e is the row
    r + e of `obs`, what follows it the next one. The capacity is static and the count is traced, so that one more
    episode recompiles nothing.
    """

    obs: PyTree
    """An array or a dictionary of arrays, each with `capacity` rows and more."""
    actions: Array
    rewards: Float[Array, " capacity"]
    terminated: Bool[Array, " capacity"]
    episode: Int[Array, " capacity"]
    """The number of the episode that a row belongs to."""
    count: Int[Array, ""]  # type: ignore[assignment]
    num_episodes: Int[Array, ""]
    joint_actions: Array | None = None
    """The actions that are predicted at once, where these are those of several steps; else `actions` are."""
    weights: Float[Array, " capacity"] | None = None
    """How much each row counts for who learns from it; None where all count alike."""

    @property
    def capacity(self) -> int:
        """The number of rows, valid or not."""
        return len(self.episode)

    @property
    def valid(self) -> Bool[Array, " capacity"]:
        """Which rows are valid."""
        return jnp.arange(self.capacity) < self.count

    @property
    def counted(self) -> Bool[Array, " capacity"]:
        """Which rows count for who learns from them: of those that are valid, all but those with a weight of 0."""
        return self.valid if self.weights is None else self.valid & (self.weights > 0)

    @property
    def num_counted(self) -> Int[Array, ""]:
        """How many rows count."""
        return self.count if self.weights is None else jnp.sum(self.counted)

    @property
    def last(self) -> Int[Array, " capacity"]:
        """The last row of the episode that a valid row belongs to."""
        rows = jnp.arange(self.capacity)
        ends = (self.episode != jnp.roll(self.episode, -1)) | (rows == self.count - 1)
        return jax.lax.cummin(jnp.where(ends, rows, self.capacity - 1), reverse=True)

    def before(self, rows: Int[Array, "*batch"] | None = None) -> PyTree:
        """The observation before the action of each of these rows, or of all."""
        rows = jnp.arange(self.capacity) if rows is None else rows
        return self._observed(rows, 0)

    def after(self, rows: Int[Array, "*batch"] | None = None) -> PyTree:
        """The observation after the action of each of these rows, or of all."""
        rows = jnp.arange(self.capacity) if rows is None else rows
        return self._observed(rows, 1)

    def _observed(self, rows: Int[Array, "*batch"], later: int) -> PyTree:
        places = rows + self.episode[rows] + later
        return jax.tree.map(lambda column: column[places], self.obs)


def windows(transitions: Transitions, rows: Int[Array, " batch"], past: int = 0, ahead: int = 0) -> Window:
    """The steps from `past` before to `ahead` after each row, of its episode only: nothing is copied before."""
    if past == ahead == 0:
        single = transitions.before(rows), transitions.actions[rows]  # then an axis: XLA gathers by vectors faster
        obs, actions = jax.tree.map(lambda column: column[:, None], single)
        return Window(obs, actions, jnp.ones((len(rows), 1), bool))
    around = rows[:, None] + jnp.arange(-past, ahead + 1)
    inside = (around >= 0) & (around < transitions.count)
    around = jnp.clip(around, 0, transitions.capacity - 1)
    mask = inside & (transitions.episode[around] == transitions.episode[rows][:, None])
    counts = None if transitions.weights is None else transitions.counted[around]
    return Window(transitions.before(around), transitions.actions[around], mask, counts)
