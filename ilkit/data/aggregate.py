"""Demonstrations that grow while a policy learns from its own episodes, and what is learnt with them."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.seeds import Learnt, Seeds
from ilkit.data.spaces import Spaces
from ilkit.data.windows import Transitions
from ilkit.errors import DataError


class Aggregate(Learnt):
    """What was demonstrated, followed by what was done, asked and answered since, padded to the most there can be."""

    transitions: Transitions
    """Their actions are the expert's answers where it was asked, and what was done elsewhere."""
    executed: Array
    """What was done in each row."""
    labeled: Bool[Array, " capacity"]
    """Whether the expert's answer is there."""
    expert_drove: Bool[Array, " capacity"]
    """Whether the expert acted, rather than the policy."""
    doubt: Float[Array, " capacity"]
    """The root of the trace of the covariance of an ensemble's actions, in half ranges of the action space."""
    multiplicity: Int[Array, "members capacity"]
    """How often the data of each member of an ensemble hold each row; 0 where there is no answer."""
    num_demonstrated: Int[Array, ""]
    """How many of the first rows were demonstrated before."""
    spaces: Spaces = eqx.field(static=True)

    @property
    def taught(self) -> Bool[Array, " capacity"]:
        """The rows that are learnt from: where the expert's answer is there, and counts."""
        return self.labeled if self.transitions.weights is None else self.labeled & self.transitions.counted

    @property
    def num_labels(self) -> Int[Array, ""]:
        """How often the expert has answered since."""
        since = jnp.arange(len(self.labeled)) >= self.num_demonstrated
        return jnp.sum(self.labeled & since)

    def demonstrations(self) -> Demonstrations:
        """All episodes, of one seed; an episode that goes on when a round ends is cut there."""
        return self._episodes(np.ones(int(self.transitions.count), bool))

    def answered(self) -> Demonstrations:
        """What the expert has answered, of one seed: every stretch of labeled steps is an episode."""
        return self._episodes(np.asarray(self.labeled)[: int(self.transitions.count)])

    def _episodes(self, chosen: Bool[np.ndarray, " rows"]) -> Demonstrations:
        """The chosen rows, an episode for each stretch of them."""
        steps = np.flatnonzero(chosen)
        obs, actions, rewards, ended, numbers = jax.tree.map(np.asarray, self.transitions[:5])
        weights = self.transitions.weights
        follows = (np.diff(steps) == 1) & (numbers[steps[1:]] == numbers[steps[:-1]])
        last = np.append(~follows, True)
        executed = np.asarray(self.executed)[steps]
        lengths = np.diff(np.flatnonzero(last), prepend=-1).astype(np.int32)
        terminated = ended[steps[last]]
        places = steps + numbers[steps]
        seen = np.insert(places, np.flatnonzero(last) + 1, places[last] + 1)
        return Demonstrations(
            obs=jax.tree.map(lambda column: column[seen], obs),
            actions=actions[steps],
            rewards=rewards[steps],
            terminated=terminated,
            truncated=~terminated,
            lengths=lengths,
            spaces=self.spaces,
            executed=None if np.array_equal(executed, actions[steps]) else executed,
            weights=None if weights is None else np.asarray(weights)[steps],
        )


def answers_of(asked: Seeds[Aggregate], training_seed: int, at: str) -> Demonstrations:
    """What the expert has answered to one training seed.

    **Raises:** `DataError` where there is no such seed; `at` is the setting that says which.
    """
    if training_seed >= len(asked):
        raise DataError(f"{at} must be below the number of training seeds, {len(asked)}, got {training_seed}.")
    return asked[training_seed].answered()


class Interaction(NamedTuple):
    """What comes out of learning by interaction."""

    policy: Policy
    demos: Aggregate
