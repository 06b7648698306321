"""Which of two clips somebody prefers, pair by pair."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.padding import capacity_of
from ilkit.data.spaces import difference
from ilkit.errors import DataError

_SUSPICIOUS = 20
"""Of so many answers, not all are the same by chance."""


class Clips(NamedTuple):
    """Stretches of episodes on the device, padded: what stands where `mask` is false is zero."""

    obs: PyTree
    """The observation before each action; every array is of shape (pairs, time, ...)."""
    actions: Array
    """What was done."""
    next_obs: PyTree
    rewards: Float[Array, "pairs time"]
    """Those of the environment; NaN where nobody knows them."""
    terminated: Bool[Array, "pairs time"]
    mask: Bool[Array, "pairs time"]
    """Which steps a clip has; none in the rows that only pad."""


class Pairs(NamedTuple):
    """Pairs of clips on the device; only the first `count` rows are valid."""

    first: Clips
    second: Clips
    probability: Float[Array, " pairs"]
    """That the first is preferred; one half in the rows that only pad."""
    count: Int[Array, ""]  # type: ignore[assignment]


class Preferences(eqx.Module):
    """Pairs of clips, and the probability that the first of each is preferred.

    A clip is an episode: a step of a bandit, a whole sequence, or a stretch of a longer episode. Which of a pair comes
    first says nothing about the answer.
    """

    first: Demonstrations
    second: Demonstrations
    probability: Float[np.ndarray, " num_pairs"]
    """1 where the first is preferred, 0 where the second is, 0.5 of a tie; anything between of several annotators."""

    def __check_init__(self) -> None:
        if isinstance(self.probability, np.ndarray):  # not inside a transformation of a pytree
            self.check()

    def check(self) -> None:
        """Checks that there are two clips and one probability for each pair.

        **Raises:** `DataError` where numbers or spaces differ, or a probability is outside of [0, 1].
        """
        counts = self.first.num_episodes, self.second.num_episodes, len(self.probability)
        if len(set(counts)) != 1 or not counts[0]:
            raise DataError(
                "There must be at least one pair, and a first clip, a second clip and a probability for each, got "
                f"{counts[0]}, {counts[1]} and {counts[2]}. Leave out what has no partner."
            )
        differing = difference(self.first.spaces, self.second.spaces)
        if differing:
            raise DataError(f"The clips of a pair must be of one environment, but the {differing}. Pair them anew.")
        wrong = np.flatnonzero(~((self.probability >= 0) & (self.probability <= 1)))
        if len(wrong):
            raise DataError(
                "The probability that the first clip is preferred must be in [0, 1], got "
                f"{self.probability[wrong[0]]:g} in pair {wrong[0]}. Divide shares by the number of annotators."
            )

    def check_telling(self) -> None:
        """Checks that something can be learnt from the answers.

        **Raises:** `DataError` where all are ties, or there are twenty and more and all are the same.
        """
        if (self.probability == 0.5).all():
            raise DataError(
                f"All {self.num_pairs} answers are ties, from which nothing is learnt. Ask about or record clips that "
                "differ more, or lower the tie_margin of a labeler that has one (simulated, panel)."
            )
        if self.num_pairs >= _SUSPICIOUS and (self.probability == self.probability[0]).all():
            raise DataError(
                f"All {self.num_pairs} answers are {self.probability[0]:g}, though which clip comes first is drawn: "
                "whoever gave them has not looked. Answer again, or mend the labels."
            )

    @property
    def num_pairs(self) -> int:
        """The number of pairs."""
        return len(self.probability)

    def take(self, numbers: Int[np.ndarray, " chosen"]) -> "Preferences":
        """The pairs of these numbers, in this order.

        **Raises:** `DataError` where there are none.
        """
        return Preferences(self.first.take(numbers), self.second.take(numbers), self.probability[numbers])

    def chosen(self) -> Demonstrations:
        """The preferred clip of each pair, to be cloned: that of the larger probability, and none of a tie.

        **Raises:** `DataError` where all are ties.
        """
        return self._those(self.probability > 0.5)

    def rejected(self) -> Demonstrations:
        """The other clip of each pair, in the same order.

        **Raises:** `DataError` where all are ties.
        """
        return self._those(self.probability < 0.5)

    def pairs(self) -> Pairs:
        """All pairs on the device, padded to a round number of them and of steps."""
        capacity = capacity_of(self.num_pairs)
        time = capacity_of(int(max(self.first.lengths.max(), self.second.lengths.max())))
        padding = np.full(capacity - self.num_pairs, 0.5, np.float32)
        return Pairs(
            clips_of(self.first, capacity, time),
            clips_of(self.second, capacity, time),
            jnp.asarray(np.concatenate([self.probability.astype(np.float32), padding])),
            jnp.asarray(self.num_pairs, jnp.int32),
        )

    def _those(self, is_first: Bool[np.ndarray, " num_pairs"]) -> Demonstrations:
        decided = np.flatnonzero(self.probability != 0.5)
        if not len(decided):
            raise DataError(
                f"In each of the {self.num_pairs} pairs both clips are preferred alike, so none is chosen. Ask about "
                "clips that differ more."
            )
        both = concatenate([self.first, self.second])
        return both.take(np.where(is_first[decided], decided, decided + self.num_pairs))


def clips_of(demos: Demonstrations, capacity: int, time: int) -> Clips:
    """Episodes as rows on the device, as many as `capacity` and each of `time` steps, the rest of them zero."""
    steps = np.arange(time)
    mask = np.zeros((capacity, time), bool)
    mask[: demos.num_episodes] = steps < demos.lengths[:, None]
    rows = np.arange(demos.num_steps)  # in the order of the steps that the mask has

    def laid_out(column: np.ndarray) -> Array:
        padded = np.zeros((capacity, time, *column.shape[1:]), column.dtype)
        padded[mask] = column
        return jnp.asarray(padded)

    return Clips(
        jax.tree.map(laid_out, demos.before(rows)),
        laid_out(demos.taken),
        jax.tree.map(laid_out, demos.after(rows)),
        laid_out(demos.rewards),
        laid_out(demos.at_last_step(demos.terminated)),
        jnp.asarray(mask),
    )


def shuffled(made: Preferences, *, key: PRNGKeyArray) -> Preferences:
    """The same pairs, of which some are turned round: as the key and the number of a pair say, whatever the answer."""
    entropy = np.asarray(jax.random.key_data(key)).tolist()
    turned = np.random.default_rng(np.random.SeedSequence(entropy)).random(made.num_pairs) < 0.5
    both, rows = concatenate([made.first, made.second]), np.arange(made.num_pairs)
    first, second = (both.take(np.where(turned == side, rows, rows + made.num_pairs)) for side in (False, True))
    return Preferences(first, second, np.where(turned, 1 - made.probability, made.probability).astype(np.float32))


def join_pairs(parts: list[Preferences]) -> Preferences:
    """The pairs of all the parts, in their order.

    **Raises:** `DataError` where they are of different spaces.
    """
    for part in parts[1:]:
        differing = difference(parts[0].first.spaces, part.first.spaces)
        if differing:
            raise DataError(f"Pairs that are joined must be of one environment, but the {differing}. Keep them apart.")
    return Preferences(
        concatenate([part.first for part in parts]),
        concatenate([part.second for part in parts]),
        np.concatenate([part.probability for part in parts]),
    )
