"""The policy of one goal goes there, whatever it is asked for, also where nobody speaks of goals."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, PyTree

from ilkit.condition.goal import Goal, condition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Dict, Discrete, Space, Spaces
from ilkit.env import point_room
from ilkit.errors import DataError
from ilkit.testing.problems import tracking_expert

pytestmark = pytest.mark.bits

PLANE = Box.symmetric((1.0, 1.0))
STATE = Box(shape=(4,), low=-np.inf, high=np.inf)


class Straight(Policy):
    """a = goal - achieved."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Any) -> tuple[PyTree, Array]:
        return carry, obs["desired_goal"] - obs["achieved_goal"]


def straight(goal: Space = PLANE, **more: Space) -> Seeds[Policy]:
    entries = {"observation": STATE, "achieved_goal": goal, "desired_goal": goal, **more}
    spaces = Spaces(observation=Dict(entries=entries), action=PLANE)
    normalizer = jax.tree.map(lambda leaf: leaf[None], Normalizer.identity(spaces.observation))
    return Seeds(Straight(normalizer, spaces), {}, 1)


def test_where_one_is_asked_to_go_is_overlooked() -> None:
    seeds = straight()
    policy = condition(Goal(goal=(0.5, -0.5)), seeds)[0]
    assert policy.spaces == seeds.stacked.spaces
    obs = {"observation": jnp.zeros(4), "achieved_goal": jnp.array([0.25, 0.0]), "desired_goal": jnp.array([9.0, 9.0])}
    np.testing.assert_array_equal(policy.mode((), obs)[1], [0.25, -0.5])


def test_where_no_goals_are_observed_the_state_tells_where_one_is() -> None:
    policy = condition(Goal(goal=(0.5, -0.5), achieved=(3, 1)), straight())[0]
    assert policy.spaces.observation == STATE
    np.testing.assert_array_equal(policy.mode((), jnp.array([9.0, 0.125, 9.0, 0.25]))[1], [0.25, -0.625])
    assert policy.normalizer.mean.shape == (4,)


@pytest.mark.parametrize(
    ("given", "settings", "said"),
    [
        (straight(), {"goal": (0.5,)}, r"goal: must be box of size 2, so 2 numbers, got \[0.5\]"),
        (straight(), {"goal": (0.5, 1.5)}, r"trained on, from \[-1.0, -1.0\] to \[1.0, 1.0\], got \[0.5, 1.5\]"),
        (straight(Discrete(size=3)), {"goal": (3.0,)}, r"from 0 to 2, got \[3.0\]"),
        (straight(Discrete(size=3)), {"goal": (0.5,)}, "whole where goals are discrete of size 3"),
        (straight(), {"goal": (0.0, 0.0), "achieved": (1, 1)}, r"different entries below 4, got \[1, 1\]"),
        (straight(), {"goal": (0.0, 0.0), "achieved": (1, 4)}, r"different entries below 4, got \[1, 4\]"),
        (
            straight(),
            {"goal": (0.0, 0.0), "achieved": (1, 2, 3)},
            "as many entries as a goal has, which is box of size",
        ),
        (straight(Discrete(size=3)), {"goal": (0.0,), "achieved": (1,)}, "which is discrete of size 3"),
        (
            straight(steps_left=Box(low=(0.0,), high=(1.0,))),
            {"goal": (0.0, 0.0), "achieved": (0, 1)},
            r"and steps_left \(steps_left is nothing that an environment without goals tells\)\. Leave it out",
        ),
    ],
)
def test_what_does_not_fit_is_refused(given: Seeds[Policy], settings: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        condition(Goal(**settings), given)


def test_a_policy_without_goals_is_refused() -> None:
    one = jax.tree.map(lambda leaf: leaf[None], tracking_expert("continuous"))
    with pytest.raises(DataError, match=r"condition\.goal\.observations must be a dict with achieved_goal"):
        condition(Goal(goal=(0.0, 0.0)), Seeds(one, {}, 1))


def test_a_policy_that_wants_to_know_how_long_it_has_is_told_by_the_env() -> None:
    room = point_room.env(point_room.PointRoom(max_steps=4))
    normalizer = jax.tree.map(lambda leaf: leaf[None], Normalizer.identity(room.spaces.observation))
    policy = condition(Goal(goal=(0.0, 0.0)), Seeds(Straight(normalizer, room.spaces), {}, 1))[0]
    assert policy.spaces == room.spaces
