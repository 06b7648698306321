"""Environments as tables: finitely many states and actions, and all probabilities known."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float, PyTree, Shaped

_TOLERANCE = 1e-5
"""How far a sum of probabilities of 32 bits may be from 1."""


class Tabular(NamedTuple):
    """A Markov decision process with a time limit, as tables."""

    transitions: Float[Array, "states actions states"]
    """T(s' | s, a)."""
    rewards: Float[Array, "states actions"]
    """R(s, a), the mean reward of a step from s with a."""
    initial: Float[Array, " states"]
    """μ₀(s)."""
    observations: PyTree[Shaped[Array, "observed ..."]]
    """What each state observes, which tells it from all others. There may be one state more: the last one is then what
    follows a termination, which nobody observes."""
    horizon: int
    """H: the steps of an episode that nothing terminates."""


def tabular_faults(tabular: Tabular) -> Iterator[str]:
    """What keeps tables from being a decision process, as `what: rule, got value`."""
    transitions, rewards, initial = (np.asarray(table, np.float64) for table in tabular[:3])
    sums = transitions.sum(axis=-1)
    wrong = np.argwhere(~(np.abs(sums - 1.0) <= _TOLERANCE))
    if len(wrong):
        state, action = wrong[0]
        yield (
            f"transitions: rows must sum to 1, got {sums[state, action]:.6g} in state {state} with action {action}. "
            "Give the probability of every next state."
        )
    if (transitions < 0).any():
        yield f"transitions: probabilities must be at least 0, got {transitions.min():.6g}."
    if not abs(initial.sum() - 1.0) <= _TOLERANCE or (initial < 0).any():
        yield f"initial: must be probabilities that sum to 1, got a sum of {initial.sum():.6g}."
    infinite = np.argwhere(~np.isfinite(rewards))
    if len(infinite):
        state, action = infinite[0]
        yield (
            f"rewards: must be finite, got {rewards[state, action]} in state {state} with action {action}. What must "
            "never be done needs a large loss, not an infinite one."
        )
    if tabular.horizon < 1:
        yield f"horizon: must be at least 1, got {tabular.horizon}."
