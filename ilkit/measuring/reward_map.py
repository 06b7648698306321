"""Learnt rewards beside the environment's: maps over a slice of the states, and how the two correlate.

Maps are means over the actions: all of them where they are discrete, else a few that are drawn uniformly. Correlations
are Pearson's, over steps: from states that are drawn uniformly from the state box, with each of those actions, and over
the demonstrated steps. Scale and offset of a reward change neither.
"""

from collections.abc import Mapping
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment, VectorState
from ilkit.data.reward import Reward, check_reward
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.measuring.state_slice import MappedStates, grid_over

_RESOLUTION = 41
_DRAWN_STATES = 2048
_DRAWN_ACTIONS = 16


class RewardMap(NamedTuple):
    """The mean reward over the actions, on a grid."""

    x: Float[np.ndarray, " resolution"]
    y: Float[np.ndarray, " resolution"]
    rewards: Float[np.ndarray, "resolution resolution"]
    """`rewards[row, column]` belongs to `y[row]` and `x[column]`, as plotting libraries have it."""


class RewardScore(NamedTuple):
    """What is known of a learnt reward, by training seeds; a correlation is NaN where either side is constant."""

    grid: RewardMap | None
    """The average of the seeds' maps; none where the environment can't be stepped from a state of one's choice."""
    drawn: Float[np.ndarray, " seeds"]
    """The correlation with the environment's reward in states drawn from the box."""
    demonstrated: Float[np.ndarray, " seeds"]
    """The same over the demonstrated steps."""
    absorbing: Float[np.ndarray, " seeds"]
    """What a step after a termination earns."""
    reads_action: bool


class Rewards(NamedTuple):
    """Learnt rewards, and the environment's."""

    scores: Mapping[str, RewardScore]
    true_map: RewardMap | None
    names: tuple[str, str] | None
    """Of the two entries of the state that maps span."""
    num_actions: int
    """How many actions a map averages over."""


class _Steps(NamedTuple):
    """Steps on one axis, with what the environment gives for them."""

    obs: PyTree
    actions: Array
    next_obs: PyTree
    terminated: Bool[Array, " steps"]
    rewards: Float[Array, " steps"]


def measure_rewards(
    rewards: Mapping[str, Seeds[Reward]],
    world: Environment | HostEnvironment,
    mapped: MappedStates | None,
    demos: Demonstrations,
    dims: tuple[int, int],
) -> Rewards:
    """Maps of rewards and their correlations with the environment's.

    **Raises:** `DataError` where a reward was learnt from other observations, or needs other actions.
    """
    for seeds in rewards.values():
        check_reward(seeds[0], world.spaces)
    shown = _demonstrated(demos)
    if mapped is None or not (isinstance(world, Environment) and isinstance(world, VectorState)):
        return Rewards({name: _score(seeds, None, None, shown) for name, seeds in rewards.items()}, None, None, 0)
    x, y, states = grid_over(mapped.box, dims, _RESOLUTION)
    actions = _actions_of(world.spaces)
    low, high = np.asarray(mapped.box.bounds, np.float32)
    somewhere = jax.random.uniform(jax.random.key(0), (_DRAWN_STATES, len(low)), minval=low, maxval=high)
    grid, drawn = (_stepped(world, rows, actions) for rows in (jnp.asarray(states).reshape(-1, len(low)), somewhere))

    def map_of(values: Float[np.ndarray, " steps"]) -> RewardMap:
        return RewardMap(x, y, values.reshape(_RESOLUTION, _RESOLUTION, len(actions)).mean(axis=-1))

    scores = {}
    for name, seeds in rewards.items():
        mean = np.asarray(_evaluate(seeds.stacked, grid)).mean(axis=0)
        scores[name] = _score(seeds, map_of(mean), drawn, shown)
    names = (mapped.names[dims[0]], mapped.names[dims[1]])
    return Rewards(scores, map_of(np.asarray(grid.rewards)), names, len(actions))


def _score(seeds: Seeds[Reward], grid: RewardMap | None, drawn: _Steps | None, shown: _Steps) -> RewardScore:
    unknown = np.full(len(seeds), np.nan)
    return RewardScore(
        grid,
        unknown if drawn is None else _correlations(seeds, drawn),
        _correlations(seeds, shown),
        np.array([float(one.absorbing) for one in seeds]),
        seeds.stacked.reads_action,
    )


def _correlations(seeds: Seeds[Reward], steps: _Steps) -> Float[np.ndarray, " seeds"]:
    known = np.isfinite(steps.rewards)
    truth = np.asarray(steps.rewards)[known]
    return np.array([correlation(np.asarray(row)[known], truth) for row in _evaluate(seeds.stacked, steps)])


def correlation(one: Float[np.ndarray, " steps"], other: Float[np.ndarray, " steps"]) -> float:
    """Pearson's correlation; NaN where either is the same everywhere, to rounding."""
    both = np.stack([one, other]).astype(np.float64)
    if both.shape[1] < 2:
        return float("nan")
    centered = both - both.mean(axis=1, keepdims=True)
    spread = centered.std(axis=1)
    if (spread <= 1e-6 * np.abs(both).max(axis=1)).any():
        return float("nan")
    return float(np.mean(centered[0] * centered[1]) / (spread[0] * spread[1]))


@eqx.filter_jit
def _evaluate(stacked: Reward, steps: _Steps) -> Float[Array, "seeds steps"]:
    def of_seed(reward: Reward) -> Float[Array, " steps"]:
        return jax.vmap(reward)(steps.obs, steps.actions, steps.next_obs, steps.terminated)

    return eqx.filter_vmap(of_seed)(stacked)


@eqx.filter_jit
def _stepped(world: Environment, states: Float[Array, "states entries"], actions: Array) -> _Steps:
    """Every action in every state; the actions of a state follow each other."""

    def step(state: Array, action: Array) -> _Steps:
        after, (reward, terminated) = world.step(state, action, key=jax.random.key(0))
        return _Steps(world.observe(state), action, world.observe(after), terminated, reward)

    rows = jax.vmap(lambda state: jax.vmap(lambda action: step(state, action))(actions))(states)
    flat: _Steps = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), rows)
    return flat


def _actions_of(spaces: Spaces) -> Array:
    """All actions where they are discrete, else some that are drawn; normal ones in entries without limits."""
    space, random = spaces.action, np.random.default_rng(0)
    if isinstance(space, Discrete):
        return space.start + jnp.arange(space.size, dtype=jnp.int32)
    if not isinstance(space, Box):
        return jnp.asarray(random.integers(np.asarray(space.sizes), size=(_DRAWN_ACTIONS, *space.shape)), jnp.int32)
    low, high = np.asarray(space.bounds, np.float32)
    limited = np.isfinite(low) & np.isfinite(high)
    ends = (np.where(limited, low, 0.0), np.where(limited, high, 1.0))
    shape = (_DRAWN_ACTIONS, *space.shape)
    uniform, normal = random.uniform(*ends, shape), random.normal(size=shape)
    return jnp.asarray(np.where(limited, uniform, normal), jnp.float32)


def _demonstrated(demos: Demonstrations) -> _Steps:
    ended = demos.at_last_step(demos.terminated)
    columns = (demos.before(), demos.taken, demos.after(), ended, demos.rewards)
    return _Steps(*jax.tree.map(jnp.asarray, columns))
