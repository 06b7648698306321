"""A reward of several networks, each of which learnt it from answers of its own."""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer, Untrained
from ilkit.data.preferences import Clips
from ilkit.data.reward import Reward
from ilkit.data.spaces import Box, Space, Spaces
from ilkit.errors import DataError
from ilkit.nn.flatten import flatten

Inputs = Literal["obs", "obs_action", "next_obs"]
"""What of a step (s, a, s') a reward depends on."""


class Units(Untrained):
    """What rewards are standardized by: answers say nothing of their zero, and little of their size."""

    mean: Float[Array, " members"]
    std: Float[Array, " members"]


class RewardEnsemble(Reward):
    """r(s, a, s') = mean_k (f_k - mean_k) / std_k of members' networks f_k, standardized on the clips learnt from."""

    networks: Network
    """Those of the members, stacked: every array has a leading axis of them."""
    obs: Normalizer
    actions: Normalizer
    units: Units
    spaces: Spaces = eqx.field(static=True)
    inputs: Inputs = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True)

    @classmethod
    def draw(
        cls,
        network: Build[Network],
        spaces: Spaces,
        inputs: Inputs,
        num_members: int,
        seen: tuple[Clips, Clips],
        *,
        key: PRNGKeyArray,
    ) -> "RewardEnsemble":
        """Draws networks, with the statistics of what was seen and done in clips.

        **Raises:** `DataError` where a network has a memory.
        """
        rows, mask = flat_steps(seen)
        valid = mask.ravel()
        space = seen_space(spaces, inputs)
        networks = eqx.filter_vmap(lambda key: network(space, 1, key=key))(jax.random.split(key, num_members))
        if jax.tree.leaves(networks.initial_carry()) or networks.past:
            raise DataError(
                "A reward is one of the present step alone, and this network remembers earlier ones. Choose "
                "network.kind mlp, residual_mlp or cnn."
            )
        return cls(
            networks=networks,
            obs=Normalizer.fit(rows.obs, valid),
            actions=Normalizer.fit(rows.actions, valid),
            units=Units(jnp.zeros(num_members), jnp.ones(num_members)),
            spaces=spaces,
            inputs=inputs,
            reads_action=inputs == "obs_action",
        )

    @property
    def num_members(self) -> int:
        """How many networks there are."""
        return self.units.mean.shape[-1]

    @property
    def log_odds(self) -> Float[Array, " members"]:
        """The standard deviations that members are divided by: before, they are log odds."""
        return self.units.std

    def members(
        self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]
    ) -> Float[Array, " members"]:
        """What each member says of a step."""
        del terminated
        seen = self.see(obs, action, next_obs)
        return (self.raw(lambda network: network((), seen)[1][0]) - self.units.mean) / self.units.std

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree, terminated: Bool[Array, ""]) -> Float[Array, ""]:
        """The mean over the members."""
        return jnp.mean(self.members(obs, action, next_obs, terminated))

    def see(self, obs: PyTree, action: Array, next_obs: PyTree) -> PyTree:
        """What the networks see of a step."""
        if self.inputs == "next_obs":
            return self.obs(next_obs)
        if self.inputs == "obs":
            return self.obs(obs)
        parts = (flatten(self.spaces.observation, self.obs(obs)), flatten(self.spaces.action, self.actions(action)))
        return jnp.concatenate(parts, axis=-1)

    def raw(self, function: object) -> Float[Array, "members ..."]:
        """A function of a network, of each member's."""
        return eqx.filter_vmap(function)(self.networks)  # type: ignore[call-overload]


def seen_space(spaces: Spaces, inputs: Inputs) -> Space:
    """The space of what the networks see: that of observations, or vectors where actions join them."""
    if inputs != "obs_action":
        return spaces.observation
    return Box(shape=(spaces.observation.size + spaces.action.size,), low=-np.inf, high=np.inf)


def flat_steps(sides: tuple[Clips, Clips]) -> tuple[Clips, Bool[Array, "2 pairs time"]]:
    """The steps of the clips of both sides as rows, and which of them there are, by side, pair and time."""
    both = jax.tree.map(lambda *columns: jnp.stack(columns), *sides)
    return jax.tree.map(lambda column: column.reshape(-1, *column.shape[3:]), both), both.mask
