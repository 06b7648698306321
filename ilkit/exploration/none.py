"""No exploration noise."""

from typing import Literal

from jaxtyping import Array, PRNGKeyArray, PyTree

from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.spec import Spec
from ilkit.stepping.behavior import Behavior, RunningSquare, Sampling, modes


class None_(Spec):  # noqa: N801 (a class can't be called None)
    """No noise: the policy's mode, or samples of the policy where an algorithm needs a density."""

    kind: Literal["none"] = "none"


class NoNoise(Sampling):
    """Acts by the policy's mode; what has a density is a sample of the policy."""

    def act(
        self, policy: Policy, running: RunningSquare, obs: PyTree, carry: PyTree = (), *, key: PRNGKeyArray
    ) -> tuple[RunningSquare, Array, PyTree]:
        """The modes, without a context."""
        return running, modes(policy, obs, carry), ()


def exploration(spec: None_, spaces: Spaces) -> Behavior:
    """Builds what adds nothing to an action."""
    return NoNoise()
