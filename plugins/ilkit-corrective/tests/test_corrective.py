"""Corrective labels with known dynamics: executed, they land where they say; and what can't be set is refused."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ilkit_corrective.corrective import Corrective, augment
from pydantic import ValidationError

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.env import cart_pole, gymnasium, pendulum, recorded
from ilkit.errors import DataError
from ilkit.expert import swing_up
from ilkit.rollout import episodes

KEY = jax.random.key(0)
WORLD = Build("env", "pendulum", pendulum.env, pendulum.Pendulum(max_steps=60))
EXPERT = swing_up.expert(swing_up.SwingUp(), WORLD, key=KEY)
DEMOS = episodes.rollout(episodes.Episodes(num_episodes=4), WORLD, EXPERT, key=KEY)


@pytest.mark.parametrize("settings", [{"num_labels": 0}, {"max_distance": 0.0}])
def test_without_labels_it_is_no_remedy(settings: dict[str, Any]) -> None:
    assert augment(Corrective(**settings), WORLD, DEMOS, key=KEY) is DEMOS


@pytest.mark.parametrize(("label", "num_labels"), [("back_track", 1), ("disturbed_action", 2)])
def test_a_label_that_is_executed_lands_on_the_data(label: Any, num_labels: int) -> None:
    spec = Corrective(label=label, num_labels=num_labels, max_distance=8.0)
    made, env = augment(spec, WORLD, DEMOS, key=KEY), WORLD()
    given = num_labels * DEMOS.num_steps
    before, actions, after = made.before()[given:], made.actions[given:], made.after()[given:]
    assert len(before) > 0.9 * given
    reached, _ = jax.vmap(lambda obs, action: env.step(env.state_of(obs), action, key=KEY))(before, actions)
    assert np.abs(np.asarray(jax.vmap(env.observe)(reached)) - after).max() < 1e-4
    np.testing.assert_allclose(np.linalg.norm(before[:, :2], axis=1), 1.0, atol=1e-5)  # each is an angle's
    targets = DEMOS.before() if label == "back_track" else DEMOS.after()
    assert {row.tobytes() for row in after} <= {row.tobytes() for row in targets}
    assert np.median(np.abs(before - after).max(axis=1)) > 0.01


def test_labels_that_are_far_are_left_out() -> None:
    near, all_ = (
        augment(Corrective(max_distance=most), WORLD, DEMOS, key=KEY).num_steps - DEMOS.num_steps
        for most in (0.02, 8.0)
    )
    assert 0 < near < 0.8 * all_


def test_discrete_actions_are_tracked_back() -> None:
    world = Build("env", "cart_pole", cart_pole.env, cart_pole.CartPole())
    env = world()
    state, rows, actions = env.reset(key=KEY), [], np.array([0, 1, 1, 0], np.int32)
    for action in actions:
        rows.append(np.asarray(env.observe(state)))
        state, _ = env.step(state, jnp.asarray(action), key=KEY)
    demos = Demonstrations(
        obs=np.stack([*rows, np.asarray(env.observe(state))]),
        actions=actions,
        rewards=np.ones(4, np.float32),
        terminated=np.array([False]),
        truncated=np.array([True]),
        lengths=np.array([4], np.int32),
        spaces=env.spaces,
    )
    made = augment(Corrective(label="back_track", max_distance=1e3), world, demos, key=KEY)
    assert made.actions.tolist() == [0, 1, 1, 0, 0, 1, 1, 0]
    assert "Choose back_track" in next(iter(Corrective().faults(env)))


@pytest.mark.parametrize(
    "world",
    [
        Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium()),
        Build("env", "recorded", recorded.env, recorded.Recorded(observation=None, action=None)),
    ],
    ids=lambda world: world.kind,
)
def test_an_environment_that_cannot_be_set_is_named(world: Build) -> None:
    with pytest.raises(DataError, match=r"augment.corrective.label: .* sets the state of.* ccil"):
        augment(Corrective(), world, DEMOS, key=KEY)


def test_other_dynamics_than_those_of_the_recording_are_noticed() -> None:
    heavy = Build("env", "pendulum", pendulum.env, pendulum.Pendulum(mass=3.0, gravity=9.0))
    with pytest.raises(DataError, match=r"only \d+ of 240 steps land within 0.0001"):
        augment(Corrective(), heavy, DEMOS, key=KEY)


def test_labels_that_are_all_far_are_named() -> None:
    with pytest.raises(DataError, match="no label"):
        augment(Corrective(label="back_track", max_distance=1e-6), WORLD, DEMOS, key=KEY)


def test_more_than_one_label_to_track_back_is_refused() -> None:
    with pytest.raises(ValidationError, match="num_labels must be 0 or 1"):
        Corrective(label="back_track", num_labels=2)
