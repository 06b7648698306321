"""What alignment minimizes, of the likelihoods of both clips of a pair."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float

from ilkit.preferring.losses import anchor_loss, dpo_loss, ipo_loss
from ilkit.preferring.spec import DPOSettings, IPOSettings, ReferencedSpec


class Scores(NamedTuple):
    """What a policy and the reference say of both clips of each pair: weighted sums of log densities along them."""

    first: Float[Array, " pairs"]
    second: Float[Array, " pairs"]
    reference_first: Float[Array, " pairs"]
    reference_second: Float[Array, " pairs"]

    @property
    def log_ratio(self) -> Float[Array, " pairs"]:
        """h: what the first clip gained over the reference, less what the second did."""
        return (self.first - self.reference_first) - (self.second - self.reference_second)


class Objective(NamedTuple):
    """What a kind minimizes; each is a `jax.tree_util.Partial` of a function of a module."""

    loss: Callable[..., Float[Array, " pairs"]]
    """`loss(scores, probability)`."""
    margin: Callable[..., Float[Array, " pairs"]]
    """`margin(scores)`: by how much the first clip is preferred, in nats of the answer's odds."""
    weights: Callable[..., Float[Array, "*clips time"]]
    """`weights(mask)`: how much each step of a clip counts."""
    beta: float | Float[Array, ""]
    """What a nat of log π / π_ref is worth, for the rewards that are told."""


def dpo_objective(spec: DPOSettings) -> Objective:
    """That of direct preference optimization, in all its forms."""
    anchored = spec if spec.anchor else spec.model_copy(update={"anchor": None})
    return Objective(Partial(_dpo, anchored), Partial(referenced_margin, spec), Partial(whole_steps), spec.beta)


def ipo_objective(spec: IPOSettings) -> Objective:
    """That of identity preference optimization."""
    weights = Partial(_shares) if spec.average else Partial(whole_steps)
    return Objective(Partial(_ipo, spec), Partial(referenced_margin, spec), weights, spec.beta)


def referenced_margin(spec: ReferencedSpec, scores: Scores) -> Float[Array, " pairs"]:
    """The log ratio times β."""
    return spec.beta * scores.log_ratio


def whole_steps(mask: Bool[Array, "*clips time"]) -> Float[Array, "*clips time"]:
    """Every step counts alike."""
    return mask.astype(jnp.float32)


def _dpo(spec: DPOSettings, scores: Scores, probability: Float[Array, " pairs"]) -> Float[Array, " pairs"]:
    loss = dpo_loss(scores.log_ratio, probability, spec.beta, spec.label_smoothing, robust=spec.robust)
    if spec.anchor is None:
        return loss
    return loss + spec.anchor * anchor_loss(scores.first, scores.second, probability)


def _ipo(spec: IPOSettings, scores: Scores, probability: Float[Array, " pairs"]) -> Float[Array, " pairs"]:
    return ipo_loss(scores.log_ratio, probability, spec.beta)


def _shares(mask: Bool[Array, "*clips time"]) -> Float[Array, "*clips time"]:
    return mask / jnp.maximum(jnp.sum(mask, axis=-1, keepdims=True), 1)
