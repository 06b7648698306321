"""Online direct preference optimization: the policy asks which of two tries is better, and learns (Guo et al., 2024).

    L = -E[log σ(β h)],    h = Σ_t log π(a⁺ | s⁺) / π_ref(a⁺ | s⁺) - Σ_t log π(a⁻ | s⁻) / π_ref(a⁻ | s⁻)

over all pairs that were asked about so far, of tries from one start.
"""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.labeler import Labeler
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.preferring.objectives import dpo_objective
from ilkit.preferring.online import train_online
from ilkit.preferring.online_spec import OnlineSpec
from ilkit.preferring.spec import DPOSettings


class DPO(OnlineSpec, DPOSettings):
    """Direct preference optimization on answers about its own tries (Guo et al., 2024)."""

    kind: Literal["dpo"] = "dpo"


def align_online(
    spec: DPO,
    labeler: Build[Labeler],
    env: Build[Environment | HostEnvironment],
    reference: Policy,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Aligns the reference by asking; see `train_online` for what it raises."""
    return train_online(spec, spec.kind, dpo_objective(spec), labeler, env, reference, key=key)
