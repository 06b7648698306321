"""Who says which of two clips is better."""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.preferences import Clips, Preferences


class Answers(NamedTuple):
    """What somebody says of pairs of clips."""

    probability: Float[Array, " pairs"] | Float[np.ndarray, " pairs"]
    """That the first is preferred: 1, 0, 0.5 of a tie, or a share of several annotators; always a number."""
    answered: Bool[Array, " pairs"] | Bool[np.ndarray, " pairs"]
    """False of a pair that can't be told apart by whoever is asked: nothing is to be learnt from it."""


class Labeler(eqx.Module):
    """Who says which of two clips is better.

    An answer depends on the key, the two clips and the number of the pair alone, never on what else is asked about.
    """

    @property
    def needs_rewards(self) -> bool:
        """Whether the rewards of clips decide the answers, so that they must be known."""
        return True

    @property
    def needs_episodes(self) -> bool:
        """Whether `fitted` has a use for the episodes that clips were cut out of."""
        return False

    def fitted(self, clips: Clips, episodes: Clips | None = None) -> "Labeler":
        """The same labeler, with whatever it needs of the clips that it may be shown, such as their spread of returns.

        A labeler that isn't fitted takes scores as they are. `episodes` are what the clips were cut out of, where they
        are not whole episodes themselves. Pure, so that it may be called inside of a compiled function.
        """
        del clips, episodes
        return self

    @abstractmethod
    def answers(self, first: Clips, second: Clips, numbers: Int[Array, " pairs"], *, key: PRNGKeyArray) -> Answers:
        """Says which of two clips is better, for each pair; `numbers` count the pairs that were ever asked about.

        Pure, so that it may be called inside of a compiled function. What is said of rows that only pad means nothing.

        **Raises:** `DataError` where this labeler answers only between runs, as people do.
        """

    def asked(
        self, first: Demonstrations, second: Demonstrations, numbers: Int[np.ndarray, " pairs"], *, key: PRNGKeyArray
    ) -> Answers:
        """The same of clips on the host, as arrays of NumPy."""
        pairs = Preferences(first, second, np.full(len(numbers), 0.5, np.float32)).pairs()
        count, capacity = len(numbers), len(pairs.probability)
        padded = jnp.asarray(np.pad(numbers.astype(np.int32), (0, capacity - count)))
        given = _answers(self, pairs.first, pairs.second, padded, key)
        return Answers(*(np.asarray(column)[:count] for column in given))


@eqx.filter_jit
def _answers(
    labeler: Labeler, first: Clips, second: Clips, numbers: Int[Array, " pairs"], key: PRNGKeyArray
) -> Answers:
    return labeler.answers(first, second, numbers, key=key)


def pair_keys(numbers: Int[Array, " pairs"], *, key: PRNGKeyArray) -> Key[Array, " pairs"]:
    """One key for each pair, which its number alone decides."""
    return jax.vmap(lambda number: jax.random.fold_in(key, number))(numbers)
