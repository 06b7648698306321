"""A network on the last few observations: it sees how things move (Mnih et al., 2015)."""

from collections.abc import Iterator
from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import Field

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.network import Network
from ilkit.data.spaces import Box, Dict, Discrete, MultiDiscrete, Space, zeros
from ilkit.errors import DataError
from ilkit.nn.window import window_faults
from ilkit.spec import Spec


class FrameStack(Spec):
    """Another network on the last few observations, for what a single one doesn't tell (Mnih et al., 2015)."""

    kind: Literal["frame_stack"] = "frame_stack"
    num_frames: Annotated[int, Field(ge=2, le=1000)] = 4
    """The observations that are seen at once; before there are as many in an episode, its first one is repeated."""
    inner: str = "mlp"
    """The kind of network that sees them, whose settings stand beside these: one without memory."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """A window that is longer than any episode."""
        return window_faults("num_frames", self.num_frames, world)


class Stacked(Network):
    """A network without memory on the last few observations, joined along their last axis, the oldest first."""

    inner: Network
    observation: Space = eqx.field(static=True)
    num_frames: int = eqx.field(static=True)

    @property
    def past(self) -> int:
        """All but the present one."""
        return self.num_frames - 1

    def initial_carry(self) -> tuple[PyTree, Array]:
        """No frames, and that the episode hasn't begun."""
        return jax.tree.map(jnp.asarray, zeros(self.observation, self.past)), jnp.zeros((), bool)

    def __call__(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " outputs"]]:
        """Applies the inner network to the frames that are carried and the present one."""
        frames, begun = carry
        frames = jax.tree.map(lambda old, new: jnp.concatenate([jnp.where(begun, old, new), new[None]]), frames, obs)
        later = jax.tree.map(lambda rows: rows[1:], frames)
        return (later, jnp.ones((), bool)), self.inner((), _joined(self.observation, frames))[1]

    def dropped(self, *, key: PRNGKeyArray) -> "Stacked":
        """The same around the inner network with dropout."""
        return eqx.tree_at(lambda stacked: stacked.inner, self, self.inner.dropped(key=key))


def network(
    spec: FrameStack, observation: Space, out_size: int, inner: Build[Network], *, key: PRNGKeyArray
) -> Network:
    """Builds the inner network on the space of stacked observations.

    **Raises:** `DataError` where the inner network has a memory of its own.
    """
    built = inner(_stacked(observation, spec.num_frames), out_size, key=key)
    if built.past or jax.tree.leaves(built.initial_carry()):
        raise DataError(
            f"network.frame_stack.inner must be a network without memory, such as mlp, got {inner.kind}. "
            f"Choose network.kind {inner.kind}, which needs no stack."
        )
    return Stacked(inner=built, observation=observation, num_frames=spec.num_frames)


def _joined(space: Space, frames: PyTree) -> PyTree:
    """Frames, which lead, along the last axis; numbers as a vector."""
    if isinstance(space, Dict):
        return {name: _joined(entry, frames[name]) for name, entry in space.entries}
    if not space.shape:
        return frames - space.start if isinstance(space, Discrete) else frames
    return jnp.moveaxis(frames, 0, -2).reshape(*frames.shape[1:-1], -1)


def _stacked(space: Space, count: int) -> Space:
    """The space of so many elements of a space, joined along their last axis."""
    if isinstance(space, Dict):
        return Dict(entries={name: _stacked(entry, count) for name, entry in space.entries})  # type: ignore[arg-type]
    if isinstance(space, Discrete):
        return MultiDiscrete(sizes=(space.size,) * count)
    if isinstance(space, MultiDiscrete):
        return MultiDiscrete(sizes=space.sizes * count)
    shape = (*space.shape[:-1], space.shape[-1] * count) if space.shape else (count,)
    low, high = (tuple(np.concatenate([np.atleast_1d(end)] * count, axis=-1).ravel().tolist()) for end in space.bounds)
    return Box(shape=shape, low=low, high=high, dtype=space.dtype)
