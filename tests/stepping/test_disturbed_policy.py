"""What is added to actions lasts as long as it should, is as strong as it should be, and leaves the mode alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.stepping.disturbed_policy import DisturbedPolicy
from ilkit.testing.problems import tracking_expert

pytestmark = pytest.mark.bits

EXPERT = tracking_expert("continuous")
OBS = jnp.array([0.25, -0.5])


@pytest.mark.parametrize("duration", [1, 3])
def test_a_disturbance_lasts(duration: int) -> None:
    scale = jnp.array([0.5, 2.0])
    policy = DisturbedPolicy.of(EXPERT, scale, duration)

    def step(carry, key):
        return policy.sample(carry, OBS, key=key)

    start, keys = policy.initial_carry(), jax.random.split(jax.random.key(0), 6000)
    added = np.asarray(jax.lax.scan(step, start, keys)[1] - EXPERT.mode((), OBS)[1])
    pushes = added.reshape(-1, duration, 2)
    np.testing.assert_allclose(pushes, pushes[:, :1] + np.zeros((1, duration, 1)), atol=1e-6)
    np.testing.assert_allclose(pushes[:, 0].std(axis=0), scale, rtol=0.06)
    assert abs(np.corrcoef(pushes[:-1, 0, 0], pushes[1:, 0, 0])[0, 1]) < 0.07


def test_the_mode_and_nothing_that_is_added_are_those_of_the_policy() -> None:
    policy = DisturbedPolicy.of(EXPERT, jnp.zeros(2), 1)
    expected = EXPERT.mode((), OBS)[1]
    np.testing.assert_array_equal(policy.mode(policy.initial_carry(), OBS)[1], expected)
    np.testing.assert_array_equal(policy.sample(policy.initial_carry(), OBS, key=jax.random.key(0))[1], expected)
