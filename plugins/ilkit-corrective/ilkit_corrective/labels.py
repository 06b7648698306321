"""Labels that lead back: a state beside the demonstrated ones, an action, and the demonstrated state that it reaches.

    back_track:        from s^G by a*_t to s*_t
    disturbed_action:  from s^G by a*_t + Δ to s*_{t+1},  Δ ~ N(0, δ²)

(Ke et al., CCIL: Continuity-based data augmentation for corrective imitation learning, 2024.) With s' = s + f(s, a),
the equation s^G + f(s^G, a) = target is solved in closed form by backward Euler, s^G = target - f(target, a). Where
dynamics are linear, s' = A s + B a, executing such a label misses its target by exactly (A - I) f(target, a).
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, Shaped

from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.spaces import Box, Leaf
from ilkit.data.windows import Transitions
from ilkit_corrective.dynamics import Change

Lead = Literal["back_track", "disturbed_action"]
"""What a label is made of."""


class Goals(NamedTuple):
    """What labels are sought for, one a row of the demonstrations."""

    actions: Shaped[Array, "capacity ..."]
    """The action to take."""
    targets: Float[Array, "capacity obs"]
    """Where it has to lead."""


class Labels(NamedTuple):
    """Labels, as many as were found good enough."""

    obs: Float[np.ndarray, "labels obs"]
    """s^G."""
    actions: Shaped[np.ndarray, "labels ..."]
    targets: Float[np.ndarray, "labels obs"]


def goals(transitions: Transitions, lead: Lead, noise: Float[Array, ""], space: Leaf, *, key: PRNGKeyArray) -> Goals:
    """The actions and their targets; the standard deviation of Δ is `noise` times that of each entry of the actions.

    A disturbed action stays in the action space, a box, as far as the one that was recorded does.
    """
    actions = transitions.actions
    if lead == "back_track":
        return Goals(actions, transitions.before())
    weights = transitions.counted[:, None] / transitions.num_counted
    mean = jnp.sum(weights * actions, axis=0)
    spread = jnp.sqrt(jnp.sum(weights * (actions - mean) ** 2, axis=0))
    assert isinstance(space, Box)  # as `faults` of both kinds ask for
    low, high = np.asarray(space.bounds, np.float32)
    disturbed = actions + noise * spread * jax.random.normal(key, actions.shape)
    return Goals(jnp.clip(disturbed, jnp.minimum(low, actions), jnp.maximum(high, actions)), transitions.after())


def backward_euler(
    change: Change, target: Float[Array, "*batch obs"], action: Shaped[Array, "*batch act"]
) -> Float[Array, "*batch obs"]:
    """s^G = target - f(target, a)."""
    return target - change(target, action)


def select(found: Float[Array, "capacity obs"], given: Goals, kept: Bool[Array, " capacity"]) -> Labels:
    """The labels that are kept."""
    chosen = np.asarray(kept)
    return Labels(*(np.asarray(rows)[chosen] for rows in (found, given.actions, given.targets)))


def joined(demos: Demonstrations, labels: list[Labels], num_copies: int) -> Demonstrations:
    """So many copies of the demonstrations and, after them, the labels as episodes of one step.

    The reward of a label is NaN: nobody knows it. Without any label the demonstrations come out as they went in.
    """
    fragments = [_episodes(demos, one) for one in labels if len(one.obs)]
    return concatenate([demos] * num_copies + fragments) if fragments else demos


def _episodes(demos: Demonstrations, labels: Labels) -> Demonstrations:
    count = len(labels.obs)
    return Demonstrations(
        obs=np.stack([labels.obs, labels.targets], axis=1).reshape(2 * count, -1),
        actions=labels.actions,
        rewards=np.full(count, np.nan, np.float32),
        terminated=np.zeros(count, bool),
        truncated=np.ones(count, bool),
        lengths=np.ones(count, demos.lengths.dtype),
        spaces=demos.spaces,
        follows=np.zeros(count, bool),
        weights=None if demos.weights is None else np.full(count, demos.weights.max()),
    )
