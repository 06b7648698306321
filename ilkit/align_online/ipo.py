"""Online identity preference optimization: margins of a known size (Calandriello et al., 2024).

    L = E[(h - 1 / 2β)²],    h = Σ_t log π(a⁺ | s⁺) / π_ref(a⁺ | s⁺) - Σ_t log π(a⁻ | s⁻) / π_ref(a⁻ | s⁻)

over all pairs that were asked about so far, of tries from one start.
"""

from typing import Literal

from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.labeler import Labeler
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.preferring.objectives import ipo_objective
from ilkit.preferring.online import train_online
from ilkit.preferring.online_spec import OnlineSpec
from ilkit.preferring.spec import IPOSettings


class IPO(OnlineSpec, IPOSettings):
    """Identity preference optimization on answers about its own tries (Calandriello et al., 2024)."""

    kind: Literal["ipo"] = "ipo"


def align_online(
    spec: IPO,
    labeler: Build[Labeler],
    env: Build[Environment | HostEnvironment],
    reference: Policy,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Aligns the reference by asking; see `train_online` for what it raises."""
    return train_online(spec, spec.kind, ipo_objective(spec), labeler, env, reference, key=key)
