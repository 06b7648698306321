"""Imitation as the minimization of an f-divergence between what the expert and the learner visit (Ke et al., 2020).

    min_π D_f(ρ_expert, ρ_π) = min_π max_V  E_{(s, a) ~ ρ_expert}[g(V(s, a))] - E_{(s, a) ~ ρ_π}[f*(g(V(s, a)))]

with V a network and f, f* and g those of `ilkit.math.divergences`. What of it depends on the policy is the second
term, so that the reward of a step is f*(g(V)), which the learner raises: it goes where the expert is rather than where
itself is. Forward KL covers all that the expert visits, reverse KL seeks some of it; Jensen-Shannon is the game of
generative adversarial imitation with its positive reward, less log 2.

V estimates log(ρ_expert / ρ_π), which is infinite where only one of them goes, and is bounded for it.
"""

from pathlib import Path
from typing import Annotated, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.normalizer import Untrained
from ilkit.data.policy import Policy
from ilkit.data.reward import Imitation
from ilkit.data.spaces import Spaces
from ilkit.data.training import Training
from ilkit.fitting.custom_divergence import divergence_of
from ilkit.matching.adversarial import Kind, match_adversarially
from ilkit.matching.adversarial_spec import AdversarialSpec
from ilkit.matching.discriminator import DiscriminatorReward, PairDiscriminator
from ilkit.matching.features import Features, reads_action
from ilkit.math.divergences import DIVERGENCES, Divergence

_NUM_KNOTS = 2001
"""Points at which the reward of a custom divergence is kept: between them it is interpolated."""


class FDivergence(AdversarialSpec):
    """Minimization of an f-divergence between what expert and learner visit (Ke et al., 2020)."""

    kind: Literal["f_divergence"] = "f_divergence"
    divergence: Literal["forward_kl", "reverse_kl", "jensen_shannon", "total_variation", "custom"] = "reverse_kl"
    """Which divergence; `custom` takes that of `function`."""
    function: Path | None = None
    """For `custom`: a Python file that defines `f(u)`, convex, differentiable, f(1) = 0, by jax.numpy."""
    value_bound: Annotated[float, Field(gt=0, le=20)] | None = 5.0
    """The bound of |V|, that is of the estimated |log(ρ_expert / ρ_π)|; without one, V is what the layers put out."""

    @model_validator(mode="after")
    def _check_choices(self) -> "FDivergence":
        if (self.divergence == "custom") != (self.function is not None):
            raise ValueError(f"divergence custom goes with function, got {self.divergence} with {self.function}")
        if self.divergence == "custom" and self.value_bound is None:
            raise ValueError(
                "divergence custom needs value_bound, within which its reward is kept, got none. Set it to 5.0, say"
            )
        return self


class Bound(Untrained):
    """b tanh(v / b), a number between -b and b."""

    limit: Float[Array, ""]

    def __call__(self, values: Float[Array, "*rows"]) -> Float[Array, "*rows"]:
        """The bounded values."""
        return self.limit * jnp.tanh(values / self.limit)


class BoundedDiscriminator(PairDiscriminator):
    """V, bounded."""

    bound: Bound

    def values(self, seen: Float[Array, "*rows size"]) -> Float[Array, "*rows"]:
        """What the layers put out, bounded."""
        return self.bound(super().values(seen))


class DivergenceReward(DiscriminatorReward):
    """f*(g(V)), of a divergence that has a name, or between the points of a table."""

    discriminator: PairDiscriminator
    table: Float[Array, " knots"] | None
    """f*(g(v)) for v from -1 to 1 times the bound, of a divergence that a file defines: no code goes with a reward."""
    divergence: str = eqx.field(static=True)
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True)

    def of(self, values: Float[Array, "*rows"]) -> Float[Array, "*rows"]:
        """f*(g(V))."""
        if self.table is None or not isinstance(self.discriminator, BoundedDiscriminator):
            return DIVERGENCES[self.divergence].learner_term(values)
        limit = self.discriminator.bound.limit
        return jnp.interp(values, limit * np.linspace(-1.0, 1.0, len(self.table), dtype=np.float32), self.table)


def match(
    spec: FDivergence,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """Trains a policy and the function V that leads it.

    **Raises:** `DataError` where the file of a custom divergence doesn't define a convex f with f(1) = 0, where the
    policy has no density or a memory, and where the demonstrations were recorded in other spaces than the
    environment's, hold no step, or no next states that the inputs have.
    """
    divergence = divergence_of(spec.divergence, spec.function)
    kind = Kind(Partial(_draw, spec), divergence, Partial(_reward_of, spec, divergence))
    return match_adversarially(spec, kind, policy, env, demos, key=key)


def _draw(spec: FDivergence, features: Features, *, key: PRNGKeyArray) -> PairDiscriminator:
    drawn = PairDiscriminator.draw(features, spec.discriminator_hidden, silent=not spec.spectral_norm, key=key)
    if spec.value_bound is None:
        return drawn
    return BoundedDiscriminator(drawn.layers, features, Bound(jnp.asarray(spec.value_bound)))


def _reward_of(spec: FDivergence, divergence: Divergence, discriminator: PairDiscriminator) -> DivergenceReward:
    table = None
    if spec.function is not None and isinstance(discriminator, BoundedDiscriminator):
        table = divergence.learner_term(
            discriminator.bound.limit * np.linspace(-1.0, 1.0, _NUM_KNOTS, dtype=np.float32)
        )
    return DivergenceReward(
        spaces=discriminator.features.spaces,
        reads_action=reads_action(spec.inputs),
        discriminator=discriminator,
        table=table,
        divergence=spec.divergence,
    )
