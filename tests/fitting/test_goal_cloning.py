"""What kinds that clone towards goals have in common."""

from typing import Any

import jax
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.augment.relabel import Relabel
from ilkit.data.build import Build
from ilkit.env import point_room
from ilkit.fitting.goal_cloning import GoalCloningSpec, clone_towards_goals
from ilkit.imitate.landmarks import Landmarks
from ilkit.interact.gcsl import GCSL
from ilkit.rollout.episodes import Episodes, rollout
from ilkit.spec import Spec
from ilkit.stepping.random_policy import RandomPolicy
from ilkit.testing.arguments import Options, part

KEY = jax.random.key(0)


def test_labels_that_were_not_done_are_warned_of_with_the_figure() -> None:
    room = Build("env", "point_room", point_room.env, point_room.PointRoom(max_steps=8))
    spec = Episodes(num_episodes=20, action_noise=1.0, label="intended", stochastic=True)
    noisy = rollout(spec, room, RandomPolicy.of(room().spaces), key=KEY)
    assert noisy.executed is not None
    share = np.mean(noisy.executed != noisy.actions)
    head = part("policy", Options(parts={"policy": {"kind": "categorical"}}))
    with pytest.warns(UserWarning, match=f"{share:.0%} of the labels aren't what was done, .*label: executed"):
        clone_towards_goals(GoalCloningSpec(), "imitate.gcbc", head, noisy, key=KEY)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((GoalCloningSpec, name) for name in ("horizon", "batch_size")),
        *((Landmarks, name) for name in ("num_landmarks", "reach", "max_gap", "patience")),
        *((Relabel, name) for name in ("horizon", "num_copies")),
        *((GCSL, name) for name in ("num_envs", "updates", "capacity", "random_rounds")),
    ],
)
def test_counts_that_decide_a_shape_are_whole_numbers(kind: type[Spec], name: str) -> None:
    """Numbers that aren't are traced."""
    given: dict[str, Any] = {name: 40}
    assert jax.tree.leaves(kind(**given)) == jax.tree.leaves(kind())
    with pytest.raises(ValidationError, match="valid integer"):
        kind(**{name: 40.0})
