"""Contrastive preference learning: answers follow regret, and regret is a policy's likelihood (Hejna et al., 2024).

    L = -E[log σ(Σ_t γᵗ α log π(a⁺ | s⁺) - λ Σ_t γᵗ α log π(a⁻ | s⁻))]

needs no reference, and clips of a pair may start in different states: in the maximum-entropy sense α log π(a | s) is
the advantage of an action, which is compared, not the return. A policy of continuous actions can raise all its
densities at once; with λ below 1 it is held to what was preferred.
"""

from typing import Annotated, Literal

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, PRNGKeyArray
from pydantic import Field, PositiveFloat

from ilkit.data.policy import Policy
from ilkit.data.preferences import Preferences
from ilkit.data.training import Training
from ilkit.preferring.alignment import train_alignment
from ilkit.preferring.losses import cpl_loss
from ilkit.preferring.objectives import Objective, Scores
from ilkit.preferring.spec import AlignSpec


class CPL(AlignSpec):
    """Contrastive preference learning, of advantages and without a reference (Hejna et al., 2024)."""

    kind: Literal["cpl"] = "cpl"
    temperature: PositiveFloat = 0.1
    """α: what a nat of log π is worth as an advantage."""
    bias: Annotated[float, Field(ge=0, le=1)] = 0.5
    """λ: what the clip that wasn't preferred counts; below 1 the preferred actions stay likely."""
    discount: Annotated[float, Field(gt=0, le=1)] = 1.0
    """γ: what a step counts less than the one before it."""


def align(spec: CPL, reference: Policy, preferences: Preferences, *, key: PRNGKeyArray) -> Training[Policy]:
    """Aligns a policy that starts from the reference, and forgets it.

    **Raises:** `DataError` where it has no density or other spaces, or all answers are equal.
    """
    del key
    objective = Objective(Partial(_loss, spec), Partial(_margin, spec), Partial(_discounts, spec), spec.temperature)
    return train_alignment(spec, spec.kind, objective, reference, preferences)


def _loss(spec: CPL, scores: Scores, probability: Float[Array, " pairs"]) -> Float[Array, " pairs"]:
    return cpl_loss(scores.first, scores.second, probability, spec.temperature, spec.bias)


def _margin(spec: CPL, scores: Scores) -> Float[Array, " pairs"]:
    return spec.temperature * (scores.first - scores.second)


def _discounts(spec: CPL, mask: Bool[Array, "*clips time"]) -> Float[Array, "*clips time"]:
    return mask * spec.discount ** jnp.arange(mask.shape[-1])
