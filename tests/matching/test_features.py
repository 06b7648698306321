"""What a discriminator sees: standardized entries of what is chosen, and one for the absorbing state."""

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.normalizer import Normalizer
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.matching.features import Features, Inputs
from ilkit.testing.problems import demonstrations

OBS, NEXT = jnp.array([0.5, -1.0]), jnp.array([0.25, 0.75])


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("state", [1.0, -2.0]),
        ("next_state", [0.5, 1.5]),
        ("state_action", [1.0, -2.0, 0.0, 1.0, 0.0]),
        ("state_next_state", [1.0, -2.0, 0.5, 1.5]),
        ("state_action_next_state", [1.0, -2.0, 0.0, 1.0, 0.0, 0.5, 1.5]),
    ],
)
def test_chosen_parts_are_standardized_and_the_absorbing_state_has_an_entry(
    inputs: Inputs, expected: list[float]
) -> None:
    spaces = Spaces(observation=Box(shape=(2,), low=-2.0, high=2.0), action=Discrete(size=3))
    twice = Normalizer(jnp.zeros(2), 0.5 * jnp.ones(2))
    plain = Features(twice, Normalizer(None, None), spaces, inputs, absorbing=False)
    whole = replace(plain, absorbing=True)
    action = jnp.asarray(1, jnp.int32)
    np.testing.assert_allclose(plain(OBS, action, NEXT), expected)
    np.testing.assert_allclose(whole(OBS, action, NEXT), [*expected, 0.0])
    assert (plain.size, whole.size) == (len(expected), len(expected) + 1)
    np.testing.assert_array_equal(whole.absorbed, [0.0] * len(expected) + [1.0])
    many = whole(jnp.stack([OBS, OBS]), jnp.stack([action, action]), jnp.stack([NEXT, NEXT]))
    np.testing.assert_allclose(many, [[*expected, 0.0]] * 2)


def test_actions_are_in_deviations_of_the_demonstrated_ones() -> None:
    transitions = demonstrations(20, "continuous").transitions()
    spaces: Any = demonstrations(20, "continuous").spaces
    identity = Normalizer.identity(2)
    features = Features.of(identity, spaces, transitions, "state_action", absorbing=False)
    valid = np.asarray(transitions.valid)
    seen = np.asarray(features(transitions.before(), transitions.actions, transitions.after()))[valid, 2:]
    np.testing.assert_allclose(seen.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(seen.std(axis=0), 1.0, atol=1e-4)
