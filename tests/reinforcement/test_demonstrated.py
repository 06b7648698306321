"""What demonstrations must be to be learnt from by reinforcement."""

from dataclasses import replace

import numpy as np
import pytest

from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.reinforcement.demonstrated import check_demonstrated
from ilkit.testing.problems import ACTION, demonstrations, spaces, tracking_expert

DEMOS, POLICY = demonstrations(3, "continuous"), tracking_expert("continuous")
INFINITE = Box(shape=(2,), low=(-np.inf, -np.inf), high=(np.inf, np.inf))
REWARDED = replace(DEMOS, rewards=np.ones_like(DEMOS.rewards))


def _acting_in(action: Box) -> Spaces:
    return Spaces(observation=spaces("continuous").observation, action=action)


@pytest.mark.parametrize("action", [ACTION, INFINITE])
def test_demonstrations_with_rewards_are_taken_also_where_their_bounds_are_not_known(action):
    check_demonstrated(replace(REWARDED, spaces=_acting_in(action)), POLICY, "rlpd")


@pytest.mark.parametrize(
    ("demos", "message"),
    [
        (replace(DEMOS, rewards=np.zeros_like(DEMOS.rewards)), "all of these are 0. Hand over"),
        (replace(DEMOS, rewards=np.full_like(DEMOS.rewards, np.nan)), "steps have none. Hand over demonstrations"),
        (
            replace(REWARDED, spaces=_acting_in(Box(shape=(2,), low=ACTION.low, high=(1.2, 1.0)))),
            "bound of 0.9, got 1 in entry 1. Were they recorded in another env",
        ),
        (demonstrations(3, "discrete"), "discrete of size 3. Were they recorded in another env"),
    ],
)
def test_what_can_not_teach_is_refused(demos, message):
    with pytest.raises(DataError, match=message):
        check_demonstrated(demos, POLICY, "rlpd")
