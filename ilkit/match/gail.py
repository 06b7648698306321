"""Generative adversarial imitation learning: fooling what tells one's own steps from demonstrated ones.

    min_π max_D  E_expert[log D(s, a)] + E_π[log(1 - D(s, a))]

Here D is 1 for the expert, and D = σ(V) with V the logit. The policy earns

    positive  -log(1 - D) = log(1 + exp V)    negative  log D = -log(1 + exp -V)    logit  V = log D - log(1 - D)

a step (Ho and Ermon, 2016; the logit: Fu et al., 2018). Without absorbing states, a positive reward is one for staying
alive and a negative one for an early end, whatever was demonstrated.
"""

from typing import Literal

import equinox as eqx
import jax
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.reward import Imitation
from ilkit.data.spaces import Spaces
from ilkit.data.training import Training
from ilkit.matching.adversarial import Kind, match_adversarially
from ilkit.matching.adversarial_spec import AdversarialSpec
from ilkit.matching.cross_entropy import CROSS_ENTROPY
from ilkit.matching.discriminator import DiscriminatorReward, PairDiscriminator
from ilkit.matching.features import Features, reads_action

Sign = Literal["positive", "negative", "logit"]


class GAIL(AdversarialSpec):
    """A discriminator of steps, and a policy that it takes for the expert (Ho and Ermon, 2016)."""

    kind: Literal["gail"] = "gail"
    reward: Sign = "positive"
    """What a step earns: -log(1 - D), log D, or the logit."""


class GAILReward(DiscriminatorReward):
    """A function of D."""

    discriminator: PairDiscriminator
    sign: Sign = eqx.field(static=True)
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True)

    def of(self, values: Float[Array, "*rows"]) -> Float[Array, "*rows"]:
        """That of the chosen sign."""
        if self.sign == "logit":
            return values
        return jax.nn.softplus(values) if self.sign == "positive" else -jax.nn.softplus(-values)


def match(
    spec: GAIL,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """Trains a policy and the discriminator that leads it.

    **Raises:** `DataError` where the policy has no density or a memory, and where the demonstrations were recorded in
    other spaces than the environment's, hold no step, or no next states that the inputs have.
    """
    kind = Kind(Partial(_draw, spec), CROSS_ENTROPY, Partial(_reward_of, spec))
    return match_adversarially(spec, kind, policy, env, demos, key=key)


def _draw(spec: GAIL, features: Features, *, key: PRNGKeyArray) -> PairDiscriminator:
    return PairDiscriminator.draw(features, spec.discriminator_hidden, silent=not spec.spectral_norm, key=key)


def _reward_of(spec: GAIL, discriminator: PairDiscriminator) -> GAILReward:
    spaces = discriminator.features.spaces
    return GAILReward(
        spaces=spaces, reads_action=reads_action(spec.inputs), discriminator=discriminator, sign=spec.reward
    )
