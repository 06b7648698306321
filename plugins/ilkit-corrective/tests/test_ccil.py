"""Corrective labels with learnt dynamics: how close they lead back, which are kept, and what is refused."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest
from ilkit_corrective.ccil import CCIL, augment, correct
from pydantic import ValidationError

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.env import cart_pole, point_mass
from ilkit.errors import DataError, NonFiniteError
from ilkit.expert import lqr
from ilkit.rollout import episodes

KEY = jax.random.key(0)
WORLD = Build("env", "point_mass", point_mass.env, point_mass.PointMass(max_steps=30))
EXPERT = lqr.expert(lqr.LQR(), WORLD, key=KEY)
DEMOS = episodes.rollout(episodes.Episodes(num_episodes=20), WORLD, EXPERT, key=KEY)
SMALL: dict[str, Any] = {"hidden": (32,), "num_steps": 1000, "batch_size": 32, "constraint": "none"}


def executed(demos: Demonstrations, rows: slice) -> np.ndarray:
    """What is observed after each of these steps is taken in the environment."""
    env = WORLD()
    after, _ = jax.vmap(lambda obs, action: env.step(obs, action, key=KEY))(demos.before()[rows], demos.actions[rows])
    return np.asarray(after)


@pytest.mark.parametrize("settings", [{"num_labels": 0}, {"max_distance": 0.0}])
def test_without_labels_it_is_no_remedy(settings: dict[str, Any]) -> None:
    assert augment(CCIL(**settings), WORLD, DEMOS, key=KEY) is DEMOS


@pytest.mark.parametrize(("label", "num_labels"), [("back_track", 1), ("disturbed_action", 2)])
def test_labels_lead_back_to_the_data(label: Any, num_labels: int) -> None:
    spec = CCIL(label=label, num_labels=num_labels, **SMALL)
    made = augment(spec, WORLD, DEMOS, key=KEY)
    given = num_labels * DEMOS.num_steps
    np.testing.assert_array_equal(made.actions[:given], np.tile(DEMOS.actions, (num_labels, 1)))
    added = slice(given, None)
    assert made.num_steps - given > 0.6 * given
    missed = np.linalg.norm(executed(made, added) - made.after()[added], axis=1)
    moved = np.linalg.norm(made.before()[added] - made.after()[added], axis=1)
    assert np.median(missed) < 0.25 * np.median(moved)


def test_labels_that_are_far_or_from_steps_that_are_missed_are_left_out() -> None:
    spec = CCIL(max_error=0.05, max_distance=0.5, **SMALL)
    found = correct(spec, DEMOS, key=KEY)
    kept = (found.errors <= 0.05) & (found.distances[0] < 0.5)
    assert 10 < kept.sum() < 0.9 * DEMOS.num_steps
    assert len(found.labels[0].obs) == kept.sum()
    np.testing.assert_array_equal(found.labels[0].targets, DEMOS.before()[kept])
    made = augment(spec, WORLD, DEMOS, key=KEY)
    assert made.num_steps == DEMOS.num_steps + kept.sum()


def test_a_model_that_can_be_trusted_nowhere_is_named() -> None:
    with pytest.raises(DataError, match=r"no label that can be trusted: the model misses a step by .*max_error"):
        augment(CCIL(max_error=1e-6, **SMALL), WORLD, DEMOS, key=KEY)


def test_dynamics_that_diverge_are_named() -> None:
    with pytest.raises(NonFiniteError, match=r"dynamics must stay finite.*learning_rate"):
        augment(CCIL(learning_rate=1e30, **SMALL), WORLD, DEMOS, key=KEY)


def test_observations_that_never_change_are_refused() -> None:
    still = eqx.tree_at(lambda tree: tree.obs, DEMOS, np.ones_like(DEMOS.obs))
    with pytest.raises(DataError, match="consecutive observations"):
        augment(CCIL(**SMALL), WORLD, still, key=KEY)


def test_discrete_actions_are_refused_before_anything_is_learnt() -> None:
    world = cart_pole.env(cart_pole.CartPole())
    assert "actions that are vectors" in next(iter(CCIL().faults(world)))
    demos = Demonstrations(
        obs=np.zeros((2, 4), np.float32),
        actions=np.zeros(1, np.int32),
        rewards=np.zeros(1, np.float32),
        terminated=np.array([False]),
        truncated=np.array([True]),
        lengths=np.array([1], np.int32),
        spaces=world.spaces,
    )
    with pytest.raises(DataError, match=r"augment.ccil.label: .* actions that are vectors of real numbers, got"):
        augment(CCIL(), Build("env", "cart_pole", cart_pole.env, cart_pole.CartPole()), demos, key=KEY)


def test_more_than_one_label_to_track_back_is_refused() -> None:
    with pytest.raises(ValidationError, match="num_labels must be 0 or 1"):
        CCIL(label="back_track", num_labels=2)
