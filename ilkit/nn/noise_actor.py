"""Choosing the noise of a policy, and so among the actions that it would draw (Wagenmaker et al., DSRL, 2025)."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Untrained
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.normal_head import NormalHead
from ilkit.nn.perceptron import Perceptron, build_silent_layers

_SMALLEST_STD, _LARGEST_STD = 0.01, 2.0


class SteeredBase(Untrained):
    """A policy that is steered and stays as it is, and how far its noise may go."""

    policy: Policy
    bound: Float[Array, ""]
    """m: every number of the noise is between -m and m."""

    def steer(self, carry: PyTree, obs: PyTree, share: Float[Array, " noise"]) -> tuple[PyTree, Array]:
        """The action of the noise w = m · share."""
        return self.policy.steer(carry, obs, self.bound * share)

    def decided(self, obs: PyTree, share: Float[Array, " noise"]) -> Float[Array, " entries"]:
        """All the actions that are decided at once at the start of an episode, as one vector."""

        def step(carry: PyTree, _: None) -> tuple[PyTree, Array]:
            return self.steer(carry, obs, share)

        count = self.policy.decision_steps
        return jax.lax.scan(step, self.policy.initial_carry(), None, length=count)[1].reshape(-1)


class NoiseActor(NormalHead):
    """w / m = tanh(x), x ~ N(μ(s), diag σ(s)²): a noise within ± m, whose actions are shares of m, from -1 to 1."""

    base: SteeredBase

    def distribution(self, outputs: Float[Array, " outputs"]) -> dist.Normal:
        """The distribution of x, entry by entry; where the network puts out 0, w is about N(0, 1)."""
        mean, raw = jnp.split(outputs, 2)
        first = 1.0 / jnp.maximum(self.base.bound, 1.0)
        return dist.Normal(mean, jnp.clip(first * jnp.exp(raw), _SMALLEST_STD, _LARGEST_STD))


def build_noise_actor(
    policy: Policy, bound: Float[Array, ""], hidden: tuple[int, ...], *, key: PRNGKeyArray
) -> NoiseActor:
    """An actor whose noises within ± `bound` are at first about those of the policy, N(0, I), in every state."""
    observation, size = policy.spaces.observation, policy.noise_size
    box = Box.symmetric((1.0,) * size)
    layers = build_silent_layers((observation.size, *hidden, 2 * size), "relu", key=key)
    return NoiseActor(
        network=Perceptron(layers=layers, observation=observation),
        normalizer=policy.normalizer,
        spaces=Spaces(observation=observation, action=box),
        units=jax.tree.map(jnp.asarray, ActionUnits.of(box, squash=True)),
        base=SteeredBase(policy, bound),
    )
