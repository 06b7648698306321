"""Steps of which reinforcement learns."""

from typing import NamedTuple

from jaxtyping import Array, PyTree, Shaped


class Experience(NamedTuple):
    """Steps to learn from, one a row."""

    obs: PyTree
    actions: Shaped[Array, "*batch act"]
    """What was executed."""
    rewards: Shaped[Array, "*batch"]
    next_obs: PyTree
    terminated: Shaped[Array, "*batch"]
    """1 where the environment ended the episode, 0 where it went on or a time limit cut it."""
