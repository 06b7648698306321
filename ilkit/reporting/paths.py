"""What policies do from the same start: where they go, and what they would do first."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, UInt8

from ilkit.data.environment import Environment, HostEnvironment, Mapped, Placed
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box
from ilkit.stepping.episode_arrays import Episodes

_NUM_PATHS = 32
_NUM_SAMPLES = 256
_HEIGHT = 280


class Paths(NamedTuple):
    """Ways over a map."""

    chart: UInt8[np.ndarray, "height width 3"]
    ends: tuple[float, float, float, float]
    """The left, right, lower and upper end of the map."""
    ways: Mapping[str, list[Float[np.ndarray, "steps 2"]]]
    """Of each policy the ways of some episodes."""
    succeeded: Mapping[str, list[bool]]
    """Which of them were paid more than nothing."""
    by_seed: bool = False
    """Whether they are those of one episode by each seed; else of some episodes by the first one."""


def paths_of(world: Environment | HostEnvironment, episodes: Mapping[str, Sequence[Episodes]]) -> Paths | None:
    """The ways of each policy on the environment's map; none where it has none.

    Where observations say where they are, those of the first episodes of the first seed; where only states do, those of
    the first episode of every seed.
    """
    runs = {name: found for name, found in episodes.items() if name != "random"}
    if not runs or not isinstance(world, Environment) or not isinstance(world, (Mapped, Placed)):
        return None
    chart, ends = world.chart(_HEIGHT)
    if isinstance(world, Mapped):
        ways = {name: _ways_of_first(world, found[0]) for name, found in runs.items()}
        returns = {name: found[0].returns[:_NUM_PATHS] for name, found in runs.items()}
    else:
        ways = {name: [np.asarray(_places(world, one.states)) for one in found] for name, found in runs.items()}
        returns = {name: np.stack([one.returns[0] for one in found]) for name, found in runs.items()}
    succeeded = {name: (returned > 0).tolist() for name, returned in returns.items()}
    return Paths(np.asarray(chart), ends, ways, succeeded, by_seed=not isinstance(world, Mapped))


def _ways_of_first(world: Mapped, run: Episodes) -> list[Float[np.ndarray, "steps 2"]]:
    points = np.asarray(_positions(world, jax.tree.map(lambda rows: rows[:_NUM_PATHS], run.obs)))
    return [way[: length + 1] for way, length in zip(points, run.lengths, strict=False)]


def first_actions(
    expert: Seeds[Policy] | None,
    policies: Mapping[str, Seeds[Policy]],
    episodes: Mapping[str, Sequence[Episodes]],
    *,
    key: PRNGKeyArray,
) -> dict[str, Float[np.ndarray, "samples act"]]:
    """Actions that the expert and every policy, by its first seed, draw in the state that all of them start from.

    None where actions are discrete, or nothing could be run.
    """
    acting = policies if expert is None else {"expert": expert, **policies}
    space = next(iter(policies.values())).stacked.spaces.action
    if not episodes or not isinstance(space, Box):
        return {}
    obs = jax.tree.map(lambda rows: jnp.asarray(rows[0, 0]), next(iter(episodes.values()))[0].obs)
    keys = jax.random.split(key, _NUM_SAMPLES)
    found = {name: np.asarray(_draw(seeds[0], obs, keys)) for name, seeds in acting.items()}
    low, high = np.asarray(space.bounds, np.float32)
    return {name: np.clip(actions, low, high) for name, actions in found.items()}


@eqx.filter_jit
def _positions(world: Mapped, obs: PyTree) -> Float[Array, "episodes steps 2"]:
    return jax.vmap(jax.vmap(world.position))(obs)


@eqx.filter_jit
def _places(world: Placed, states: PyTree) -> Float[Array, "steps 2"]:
    return jax.vmap(world.place)(states)


@eqx.filter_jit
def _draw(policy: Policy, obs: PyTree, keys: PRNGKeyArray) -> Float[Array, "samples act"]:
    return jax.vmap(lambda key: policy.sample(policy.initial_carry(), obs, key=key)[1])(keys)
