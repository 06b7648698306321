"""Labels against linear dynamics, where what they miss is known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ilkit_corrective.labels import Labels, Lead, backward_euler, goals, joined, select
from jaxtyping import Array

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Spaces

A = jnp.array([[1.0, 0.1, 0.0], [-0.2, 0.95, 0.05], [0.0, 0.3, 0.9]])
B = jnp.array([[0.0, 0.1], [0.3, 0.0], [0.05, -0.2]])
SPACES = Spaces(observation=Box.symmetric([9.0] * 3), action=Box.symmetric([1.0, 1.0]))


def change(obs: Array, action: Array) -> Array:
    return obs @ (A - jnp.eye(3)).T + action @ B.T


def demonstrate(num_steps: int = 40) -> Demonstrations:
    random = np.random.default_rng(0)
    actions = random.uniform(-0.9, 0.9, (num_steps, 2)).astype(np.float32)
    obs = [random.normal(size=3).astype(np.float32)]
    for action in actions:
        obs.append(np.asarray(obs[-1] + change(obs[-1], action)))
    ended = np.array([False])
    lengths, rewards = np.array([num_steps], np.int32), np.zeros(num_steps, np.float32)
    return Demonstrations(np.stack(obs), actions, rewards, ended, ~ended, lengths, spaces=SPACES)


@pytest.mark.parametrize("lead", ["back_track", "disturbed_action"])
def test_a_label_misses_its_target_by_the_closed_form(lead: Lead) -> None:
    demos = demonstrate()
    rows = demos.transitions()
    sought = goals(rows, lead, jnp.asarray(0.3), SPACES.action, key=jax.random.key(0))
    obs = backward_euler(change, sought.targets, sought.actions)
    missed = np.asarray(obs + change(obs, sought.actions) - sought.targets)[: demos.num_steps]
    if lead == "back_track":
        targets, actions = demos.before(), demos.actions
    else:
        targets, actions = demos.after(), np.asarray(sought.actions)[: demos.num_steps]
        assert 0.1 < np.std(actions - demos.actions) / np.std(demos.actions) < 0.35
        assert np.abs(actions).max() <= 1.0
    closed_form = -np.asarray(change(targets, actions)) @ (np.asarray(A) - np.eye(3)).T
    assert np.linalg.norm(closed_form, axis=1).min() > 1e-3
    np.testing.assert_allclose(missed, closed_form, atol=3e-6)
    np.testing.assert_allclose(np.linalg.norm(missed, axis=1), np.linalg.norm(closed_form, axis=1), atol=3e-6)


def test_disturbed_actions_stay_within_the_space_and_what_was_recorded() -> None:
    demos = demonstrate()
    demos.actions[0] = [1.5, -2.0]
    disturbed = goals(demos.transitions(), "disturbed_action", jnp.asarray(9.0), SPACES.action, key=jax.random.key(1))
    found = np.asarray(disturbed.actions)[: demos.num_steps]
    assert (np.abs(found[1:]) <= 1.0).all()
    assert np.abs(found[1:]).max() == 1.0
    assert (found[0] <= [1.5, 1.0]).all()
    assert (found[0] >= [-1.0, -2.0]).all()


def test_without_noise_the_action_is_the_demonstrated_one() -> None:
    demos = demonstrate()
    found = goals(demos.transitions(), "disturbed_action", jnp.asarray(0.0), SPACES.action, key=jax.random.key(1))
    np.testing.assert_array_equal(np.asarray(found.actions)[: demos.num_steps], demos.actions)


def test_labels_become_episodes_of_one_step() -> None:
    demos = demonstrate(3)
    rows = demos.transitions()
    found = goals(rows, "back_track", jnp.asarray(0.0), SPACES.action, key=jax.random.key(0))
    kept = select(found.targets + 1.0, found, jnp.arange(rows.capacity) == 1)
    made = joined(demos, [kept, kept], 2)
    assert made.lengths.tolist() == [3, 3, 1, 1]
    np.testing.assert_array_equal(made.before()[6:], np.repeat(demos.before()[1:2] + 1.0, 2, axis=0))
    np.testing.assert_array_equal(made.after()[6:], np.repeat(demos.before()[1:2], 2, axis=0))
    np.testing.assert_array_equal(made.actions[6:], np.repeat(demos.actions[1:2], 2, axis=0))
    assert np.isnan(made.returns[2:]).all()
    assert made.truncated[2:].all()
    np.testing.assert_array_equal(made.returns[:2], np.repeat(demos.returns, 2))


def test_without_labels_the_demonstrations_are_those_given() -> None:
    demos = demonstrate(3)
    none = Labels(np.zeros((0, 3), np.float32), np.zeros((0, 2), np.float32), np.zeros((0, 3), np.float32))
    assert joined(demos, [none], 2) is demos
