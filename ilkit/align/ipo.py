"""Identity preference optimization: margins of a known size, where DPO's grow without end (Azar et al., 2024).

    L = E[(h - 1 / 2β)²],    h = Σ_t log π(a⁺ | s⁺) / π_ref(a⁺ | s⁺) - Σ_t log π(a⁻ | s⁻) / π_ref(a⁻ | s⁻)

The optimum over all pairs is π ∝ π_ref exp(mean_j(2 P_ij - 1) / 2β): of the shares of answers, not of a reward.
"""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.policy import Policy
from ilkit.data.preferences import Preferences
from ilkit.data.training import Training
from ilkit.preferring.alignment import train_recorded
from ilkit.preferring.objectives import ipo_objective
from ilkit.preferring.spec import IPOSettings, RecordedSpec


class IPO(IPOSettings, RecordedSpec):
    """Identity preference optimization: a margin of 1 / 2β, and no more (Azar et al., 2024)."""

    kind: Literal["ipo"] = "ipo"


def align(spec: IPO, reference: Policy, preferences: Preferences, *, key: PRNGKeyArray) -> Training[Policy]:
    """Aligns the reference with the answers; see `train_recorded` for what it raises."""
    del key
    return train_recorded(spec, spec.kind, ipo_objective(spec), reference, preferences)
