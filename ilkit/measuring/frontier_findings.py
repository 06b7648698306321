"""Where policies and learnt rewards stand beside the frontier of reward and divergence."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ilkit.measuring.frontier import Frontier


class Reached(NamedTuple):
    """Where a policy stands, each training seed of it."""

    reward: Float[np.ndarray, " seeds"]
    divergence: Float[np.ndarray, " seeds"]


class Followed(NamedTuple):
    """Where exact reinforcement on a learnt reward leads, each training seed of it."""

    lines: list[Frontier]
    correlation: float
    """Of the learnt with the true reward, without what all arms of a context share."""

    @property
    def peak(self) -> tuple[float, float]:
        """The most reward along it, and at which divergence, in the mean over seeds."""
        places = [int(np.argmax(line.reward)) for line in self.lines]
        both = zip(places, self.lines, strict=True)
        reward, divergence = np.mean([(line.reward[at], line.divergence[at]) for at, line in both], axis=0)
        return float(reward), float(divergence)

    @property
    def end(self) -> float:
        """The reward at the least β, in the mean over seeds."""
        return float(np.mean([line.reward[-1] for line in self.lines]))


class Findings(NamedTuple):
    """All that was measured."""

    names: tuple[str, ...]
    exact: Frontier
    reference: float
    """The reward of the reference."""
    best: float
    """The reward of the best arm always."""
    reached: Mapping[str, Reached]
    followed: Mapping[str, Followed]

    def most(self, divergence: float) -> float:
        """The most reward that there is at a divergence."""
        return float(np.interp(divergence, self.exact.divergence, self.exact.reward))

    def share(self, reward: float) -> float:
        """How far a reward is on the way from the reference's to the best one."""
        return (reward - self.reference) / (self.best - self.reference)

    def below(self, one: Reached) -> float:
        """What a policy misses to the frontier, in the mean over seeds."""
        return float(np.mean([self.most(float(d)) - float(r) for r, d in zip(*one, strict=True)]))
