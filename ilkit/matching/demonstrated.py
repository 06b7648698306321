"""What demonstrations must be to be matched."""

import numpy as np

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


def check_matched_steps(demos: Demonstrations, kind: str, *, reads_next: bool) -> None:
    """Checks that there are demonstrated steps, with their next states where these are read.

    **Raises:** `DataError` where there are none, or what an episode observed isn't what its actions led to.
    """
    if not demos.num_episodes:
        raise DataError(
            f"match.kind {kind} needs demonstrations to tell tried steps from, and there is no episode. Record some, "
            "or choose match.kind constant."
        )
    if reads_next and demos.follows is not None and not demos.follows.all():
        broken = np.flatnonzero(~demos.follows)
        raise DataError(
            f"match.kind {kind} sees next states with these inputs, which {len(broken)} of {demos.num_episodes} "
            f"episodes don't hold (the first is {broken[0]}): they were augmented. Hand over the demonstrations before "
            "they were, or choose inputs without the next state, such as state_action."
        )
