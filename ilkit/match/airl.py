"""Adversarial inverse reinforcement learning: a reward that means the same where the dynamics differ.

The discriminator's logit is f(s, a, s') - log π(a | s) with

    f(s, a, s') = g(s, a) + γ h(s') - h(s)

so that at its optimum f is the advantage of the expert, of which h takes the part that shaping explains and g, where it
reads states alone and the dynamics are deterministic, is the reward up to a constant (Fu, Luo and Levine, 2018). The
policy earns the logit, a reward with its own entropy beside; the reward that is kept is g.

After a termination f is that of the absorbing state followed by itself, g + (γ - 1) h, and the policy has nothing to
choose there; without absorbing states h is 0 after a termination.
"""

from dataclasses import replace
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.normalizer import Untrained
from ilkit.data.policy import Policy
from ilkit.data.reward import Imitation
from ilkit.data.spaces import Spaces
from ilkit.data.training import Training
from ilkit.matching.adversarial import Kind, match_adversarially
from ilkit.matching.adversarial_spec import AdversarialSpec
from ilkit.matching.cross_entropy import CROSS_ENTROPY
from ilkit.matching.discriminator import Discriminator, DiscriminatorReward, PairDiscriminator
from ilkit.matching.features import Features, reads_action
from ilkit.matching.pairs import Pairs


class AIRL(AdversarialSpec):
    """A discriminator whose logit is a shaped reward less log π, so that the reward transfers (Fu et al., 2018)."""

    kind: Literal["airl"] = "airl"
    inputs: Literal["state", "state_action"] = "state"
    """What g reads: a reward of the state alone is of use where dynamics or actions differ."""

    @property
    def needs_next_states(self) -> bool:
        """h(s') is part of the logit, whatever g reads."""
        return True


class AIRLReward(DiscriminatorReward):
    """g itself."""

    discriminator: PairDiscriminator
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True)

    def of(self, values: Float[Array, "*rows"]) -> Float[Array, "*rows"]:
        """The value; of a logit, f - log π."""
        return values


class Discount(Untrained):
    """γ."""

    factor: Float[Array, ""]


class Shaped(NamedTuple):
    """What f sees of steps."""

    pair: Float[Array, "*rows pair"]
    """What g sees."""
    state: Float[Array, "*rows state"]
    after: Float[Array, "*rows state"]
    """What h sees: s, and s' or the absorbing state."""
    goes_on: Float[Array, "*rows"]
    """0 where h doesn't count after the step, else 1."""


class ShapedReward(Discriminator):
    """f = g + γ h' - h."""

    reward: PairDiscriminator
    potential: PairDiscriminator
    discount: Discount

    def see(self, pairs: Pairs) -> Shaped:
        """What g and h see; the state after a termination is the absorbing one."""
        of_state = self.potential.features
        state, after = (of_state(obs, pairs.actions, obs) for obs in (pairs.obs, pairs.next_obs))
        if not of_state.absorbing:
            return Shaped(self.reward.see(pairs), state, after, 1.0 - pairs.terminated)
        after = jnp.where(pairs.terminated[..., None], of_state.absorbed, after)
        return Shaped(self.reward.see(pairs), state, after, jnp.ones(pairs.terminated.shape))

    def see_absorbing(self) -> Shaped | None:
        """The absorbing state, followed by itself."""
        pair, state = self.reward.see_absorbing(), self.potential.see_absorbing()
        return None if pair is None or state is None else Shaped(pair, state, state, jnp.ones(1))

    def values(self, seen: Shaped) -> Float[Array, "*rows"]:
        """F of steps."""
        before, after = self.potential.values(seen.state), self.potential.values(seen.after)
        return self.reward.values(seen.pair) + self.discount.factor * seen.goes_on * after - before


def match(
    spec: AIRL,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """Trains a policy and the reward that leads it.

    **Raises:** `DataError` where the policy has no density or a memory, and where the demonstrations were recorded in
    other spaces than the environment's, hold no step, or no next states.
    """
    kind = Kind(Partial(_draw, spec), CROSS_ENTROPY, Partial(_reward_of, spec), subtracts_density=True, reads_next=True)
    return match_adversarially(spec, kind, policy, env, demos, key=key)


def _draw(spec: AIRL, features: Features, *, key: PRNGKeyArray) -> ShapedReward:
    keys, silent = jax.random.split(key), not spec.spectral_norm
    states = replace(features, inputs="state")
    reward, potential = (
        PairDiscriminator.draw(seen, spec.discriminator_hidden, silent=silent, key=one)
        for seen, one in zip((features, states), keys, strict=True)
    )
    return ShapedReward(reward, potential, Discount(jnp.asarray(spec.discount)))


def _reward_of(spec: AIRL, discriminator: ShapedReward) -> AIRLReward:
    spaces = discriminator.reward.features.spaces
    return AIRLReward(spaces=spaces, reads_action=reads_action(spec.inputs), discriminator=discriminator.reward)
