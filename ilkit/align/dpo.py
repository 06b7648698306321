"""Direct preference optimization: the policy is its own reward model (Rafailov et al., 2023).

    L = -E[log σ(β h)],    h = Σ_t log π(a⁺ | s⁺) / π_ref(a⁺ | s⁺) - Σ_t log π(a⁻ | s⁻) / π_ref(a⁻ | s⁻)

is the likelihood of Bradley and Terry for the reward β log π / π_ref, and where all pairs are answered its optimum is
that of reinforcement held to the reference, π ∝ π_ref exp(r / β). Sums are over the steps of a clip, and the reference
is frozen. Answers that may be wrong: `label_smoothing`, also `robust`. Where the probability of the preferred clips
falls as well: `anchor`.
"""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.policy import Policy
from ilkit.data.preferences import Preferences
from ilkit.data.training import Training
from ilkit.preferring.alignment import train_recorded
from ilkit.preferring.answers import warn_of_margins
from ilkit.preferring.objectives import dpo_objective
from ilkit.preferring.spec import DPOSettings, RecordedSpec


class DPO(DPOSettings, RecordedSpec):
    """Direct preference optimization, and its forms for answers that may be wrong (Rafailov et al., 2023)."""

    kind: Literal["dpo"] = "dpo"


def align(spec: DPO, reference: Policy, preferences: Preferences, *, key: PRNGKeyArray) -> Training[Policy]:
    """Aligns the reference with the answers; see `train_recorded` for what it raises."""
    del key
    warn_of_margins(preferences, spec.kind, spec.beta)
    return train_recorded(spec, spec.kind, dpo_objective(spec), reference, preferences)
