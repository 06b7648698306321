"""The policy that dynamic programming finds on a grid of states (Bellman, 1957).

Value iteration on the points s of a grid over the environment's `state_box`,

    V(s) ← max_a r(s, a) + γ (1 - terminated) V̂(s'),

with V̂ interpolated linearly between the points around s' in every entry, and s' outside of the box moved to its edge
(fitted value iteration with an averager, which contracts: Gordon, 1995). Away from the grid the policy looks one step
ahead: it takes the action a with the largest r(s, a) + γ V̂(s'). Vectors of actions are taken from a grid, too.
"""

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree
from pydantic import Field, PositiveInt

from ilkit.data.build import Build
from ilkit.data.environment import Demonstrated, Environment, HostEnvironment, Invertible, VectorState
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Leaf, Spaces
from ilkit.errors import DataError, refuse
from ilkit.spec import Spec

_MOST_ENTRIES = 3


class Planned(Spec):
    """The best policy on a grid of states, by value iteration: where a state has three entries at most (Bellman, 1957).

    It knows the dynamics and the reward, and learns nothing.
    """

    kind: Literal["planned"] = "planned"
    num_points: Annotated[int, Field(ge=2)] = 101
    """The points of the grid along each entry of the state."""
    num_actions: Annotated[int, Field(ge=2)] = 5
    """The values of each entry of an action, from its least to its largest, where actions are vectors."""
    discount: Annotated[float, Field(gt=0.0, le=1.0)] = 0.99
    """γ; at 1 the values are those of `num_sweeps` steps."""
    num_sweeps: PositiveInt = 500
    """How often the value of every point is replaced."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """Environments without a grid to plan on."""
        if not (isinstance(world, Environment) and isinstance(world, VectorState) and isinstance(world, Invertible)):
            yield (
                "kind: needs a compiled environment whose states are vectors that observations determine, got "
                f"{type(world).__name__}. Choose env.kind mountain_car or pendulum, or {_others(world)}."
            )
            return
        if world.state_box.size > _MOST_ENTRIES:
            yield (
                f"kind: needs states of at most {_MOST_ENTRIES} entries, for the grid has as many points as "
                f"num_points to the power of their number, got {world.state_box.size}. Choose {_others(world)}."
            )
        elif _draws(world):
            yield (
                "kind: needs an environment whose steps draw nothing, got one whose next state depends on a key. "
                f"Choose {_others(world)}."
            )

    def bytes_needed(self, world: Environment | HostEnvironment) -> int:
        """What the neighbors of all successors and their weights take."""
        if not isinstance(world, VectorState):
            return 0
        action, entries = world.spaces.action, world.state_box.size
        choices = action.size if isinstance(action, Discrete) else self.num_actions ** int(np.prod(action.shape))
        return 8 * choices * int(self.num_points) ** entries * 2**entries


class PlannedPolicy(Policy):
    """Looks one step ahead, to the values of a grid."""

    values: Float[Array, " points"]
    """V, of all points of the grid, the last entry of the state changing first."""
    actions: Array
    """The actions that it chooses among."""
    discount: Float[Array, ""]
    normalizer: Normalizer
    env: Environment = eqx.field(static=True)
    """What it looks ahead with, in numbers that no seed changes."""
    spaces: Spaces = eqx.field(static=True)
    num_points: int = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """The action with the largest value."""
        state = self.env.state_of(obs)  # type: ignore[attr-defined]
        ahead = jax.vmap(lambda action: _ahead(self.env, self.num_points, state, action))(self.actions)
        return carry, self.actions[jnp.argmax(_worth(ahead, self.values, self.discount))]


class _Ahead(eqx.Module):
    """What an action leads to: its reward, and the points of the grid around the next state with their weights."""

    reward: Float[Array, "*batch"]
    places: Int[Array, "*batch corners"]
    weights: Float[Array, "*batch corners"]
    """Shares of the value of the next state; all 0 where it has none, for the episode ended."""


def expert(spec: Planned, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Policy:
    """Plans in the environment.

    **Raises:** `DataError` where its states aren't vectors of at most three entries, or its steps are random.
    """
    del key
    world = env()
    refuse("expert.planned", tuple(spec.faults(world)))
    assert isinstance(world, Environment)
    actions = _actions(spec, world.spaces.action)
    return PlannedPolicy(
        values=_values(world, actions, jnp.asarray(spec.discount), spec.num_points, spec.num_sweeps),
        actions=actions,
        discount=jnp.asarray(spec.discount),
        env=world,
        normalizer=Normalizer.identity(world.spaces.observation),
        spaces=world.spaces,
        num_points=spec.num_points,
    )


def _actions(spec: Planned, space: Leaf) -> Array:
    if isinstance(space, Discrete):
        return space.start + jnp.arange(space.size, dtype=jnp.int32)
    if not (isinstance(space, Box) and np.isfinite(space.bounds).all()):
        raise DataError(
            f"expert.kind planned needs finite limits of actions, got {space}. Give them in the environment."
        )
    low, high = (np.ravel(end) for end in space.bounds)
    grid = product(*(np.linspace(*ends, spec.num_actions) for ends in zip(low, high, strict=True)))
    return jnp.asarray(np.reshape(list(grid), (-1, *space.shape)), jnp.float32)


@eqx.filter_jit
def _values(
    world: Environment, actions: Array, discount: Float[Array, ""], num_points: int, num_sweeps: int
) -> Float[Array, " points"]:
    low, high = world.state_box.bounds  # type: ignore[attr-defined]
    axes = [np.linspace(*ends, num_points) for ends in zip(low, high, strict=True)]
    states = jnp.asarray(np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1), jnp.float32)
    ahead = jax.vmap(
        lambda state: jax.vmap(lambda action: _ahead(world, num_points, state, action))(actions),
    )(states)

    def sweep(_: Int[Array, ""], values: Float[Array, " points"]) -> Float[Array, " points"]:
        return jnp.max(_worth(ahead, values, discount), axis=1)

    return jax.lax.fori_loop(0, num_sweeps, sweep, jnp.zeros(len(states)))


def _ahead(world: Environment, num_points: int, state: Float[Array, " state"], action: Array) -> _Ahead:
    after, (reward, terminated) = world.step(state, action, key=jax.random.key(0))
    low, high = (jnp.asarray(end, jnp.float32) for end in world.state_box.bounds)  # type: ignore[attr-defined]
    at = jnp.clip((after - low) / (high - low), 0.0, 1.0) * (num_points - 1)
    below = jnp.clip(jnp.floor(at), 0, num_points - 2)
    upper = jnp.asarray(list(product((0, 1), repeat=len(at))))
    weights = jnp.prod(jnp.where(upper == 1, at - below, 1.0 - (at - below)), axis=1)
    strides = num_points ** jnp.arange(len(at) - 1, -1, -1)
    places = (below.astype(jnp.int32) + upper) @ strides
    return _Ahead(reward.astype(jnp.float32), places, jnp.where(terminated, 0.0, weights))


def _worth(ahead: _Ahead, values: Float[Array, " points"], discount: Float[Array, ""]) -> Float[Array, "*batch"]:
    return ahead.reward + discount * jnp.sum(ahead.weights * values[ahead.places], axis=-1)


def _others(world: Environment | HostEnvironment) -> str:
    """The experts that plan nothing."""
    return "expert.kind scripted or trained" if isinstance(world, Demonstrated) else "expert.kind trained"


def _draws(world: Environment) -> bool:
    """Whether a step makes any use of its key."""
    state, action = jnp.zeros(world.state_box.shape), jnp.zeros(world.spaces.action.shape, world.spaces.action.dtype)  # type: ignore[attr-defined]
    jaxpr = jax.make_jaxpr(lambda key: world.step(state, action, key=key))(jax.random.key(0)).jaxpr
    return any(used is jaxpr.invars[0] for equation in jaxpr.eqns for used in equation.invars)
