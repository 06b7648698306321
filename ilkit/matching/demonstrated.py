"""What demonstrations must be to be matched."""

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Spaces, difference
from ilkit.errors import DataError


def check_matched_spaces(env: Spaces, demos: Demonstrations, kind: str) -> None:
    """Checks that demonstrations were recorded in the spaces of the environment that a policy is tried in.

    **Raises:** `DataError` where they weren't, or their actions have other bounds.
    """
    differing = difference(env, demos.spaces)
    if differing:
        raise DataError(
            f"The demonstrations must have the spaces of the environment that match.kind {kind} tries the policy in: "
            f"its {differing}. Were they recorded in another env?"
        )
