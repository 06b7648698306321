"""A hinge on log ratios: a margin of 1 is enough, and who has it is left alone (Zhao et al., 2023, SLiC-HF).

    L = E[max(0, 1 - β h)],    h = Σ_t log π(a⁺ | s⁺) / π_ref(a⁺ | s⁺) - Σ_t log π(a⁻ | s⁻) / π_ref(a⁻ | s⁻)

with the log ratios of direct preference optimization in place of likelihoods (Liu et al., 2024).
"""

from typing import Literal

from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.policy import Policy
from ilkit.data.preferences import Preferences
from ilkit.data.training import Training
from ilkit.preferring.alignment import train_recorded
from ilkit.preferring.losses import hinge_loss
from ilkit.preferring.objectives import Objective, Scores, referenced_margin, whole_steps
from ilkit.preferring.spec import RecordedSpec


class Hinge(RecordedSpec):
    """A hinge on log ratios, which is content with a margin of 1 / β (Zhao et al., 2023)."""

    kind: Literal["hinge"] = "hinge"


def align(spec: Hinge, reference: Policy, preferences: Preferences, *, key: PRNGKeyArray) -> Training[Policy]:
    """Aligns the reference with the answers; see `train_recorded` for what it raises."""
    del key
    objective = Objective(Partial(_loss, spec), Partial(referenced_margin, spec), Partial(whole_steps), spec.beta)
    return train_recorded(spec, spec.kind, objective, reference, preferences)


def _loss(spec: Hinge, scores: Scores, probability: Float[Array, " pairs"]) -> Float[Array, " pairs"]:
    return hinge_loss(scores.log_ratio, probability, spec.beta)
