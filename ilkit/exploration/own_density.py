"""The policy's own density: actions are its samples, as in policy gradients (Williams, 1992)."""

from typing import Literal

from ilkit.data.spaces import Spaces
from ilkit.spec import Spec
from ilkit.stepping.behavior import Behavior, Sampling


class OwnDensity(Spec):
    """Samples of the policy, which must have a density."""

    kind: Literal["own_density"] = "own_density"


def exploration(spec: OwnDensity, spaces: Spaces) -> Behavior:
    """Builds what samples the policy."""
    return Sampling()
