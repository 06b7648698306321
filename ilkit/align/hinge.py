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
from ilkit.preferring.alignment import train_alignment
from ilkit.preferring.answers import check_starts
from ilkit.preferring.losses import hinge_loss
from ilkit.preferring.objectives import Objective, Scores, referenced_margin, whole_steps
from ilkit.preferring.spec import ReferencedSpec


class Hinge(ReferencedSpec):
    """A hinge on log ratios, which is content with a margin of 1 / β (Zhao et al., 2023)."""

    kind: Literal["hinge"] = "hinge"
    allow_different_starts: bool = False
    """Whether more than half of the pairs may be of clips from different starts, which compares states, not actions."""

    @property
    def needs_shared_starts(self) -> bool:
        """Unless different ones are allowed."""
        return not self.allow_different_starts


def align(spec: Hinge, reference: Policy, preferences: Preferences, *, key: PRNGKeyArray) -> Training[Policy]:
    """Aligns the reference with the answers.

    **Raises:** `DataError` where it has no density or other spaces, most pairs start in different states, or all
    answers are equal.
    """
    del key
    check_starts(preferences, spec.kind, allow_different_starts=spec.allow_different_starts)
    objective = Objective(Partial(_loss, spec), Partial(referenced_margin, spec), Partial(whole_steps), spec.beta)
    return train_alignment(spec, spec.kind, objective, reference, preferences)


def _loss(spec: Hinge, scores: Scores, probability: Float[Array, " pairs"]) -> Float[Array, " pairs"]:
    return hinge_loss(scores.log_ratio, probability, spec.beta)
