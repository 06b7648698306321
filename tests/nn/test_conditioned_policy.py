"""A conditioned policy is in all that it does the policy that observes what it is told."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.tasks import TASK
from ilkit.data.windows import Window
from ilkit.join import one_hot
from ilkit.nn.conditioned_policy import ConditionedPolicy
from ilkit.testing.arguments import Options, part
from ilkit.testing.problems import demonstrations

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
DEMOS = one_hot.join(
    one_hot.OneHot(), one=demonstrations(3, "continuous"), two=demonstrations(3, "continuous"), key=KEY
)
HEADS: dict[str, Any] = {
    "with a memory": ({"kind": "gaussian"}, {"kind": "gru", "hidden_size": 4}),
    "by noise": ({"kind": "diffusion", "hidden": [4], "features": 2, "num_steps": 2}, {"kind": "mlp", "hidden": [4]}),
    "of several actions": ({"kind": "chunked", "horizon": 3, "execute": 2}, {"kind": "frame_stack", "num_frames": 2}),
}


@pytest.mark.parametrize("name", HEADS)
def test_it_does_what_the_policy_does(name: str) -> None:
    head, network = HEADS[name]
    policy = part("policy", Options(parts={"policy": head, "network": network}))(DEMOS.spaces, key=KEY)
    assert DEMOS.spaces.tasks is not None
    observation = DEMOS.spaces.tasks.observation
    one = ConditionedPolicy.of(policy, observation, {TASK: np.array(1, np.int32)})
    traits = ("reparameterized", "has_smooth_mode", "window", "is_stochastic", "has_density", "noise_size", "steering")
    assert [getattr(one, trait) for trait in (*traits, "decision_steps")] == [
        getattr(policy, trait) for trait in (*traits, "decision_steps")
    ]
    length = 1 + sum(policy.window)
    seen = jax.random.normal(KEY, (length, 2))
    told = {"observation": seen, TASK: jnp.ones(length, jnp.int32)}
    window = Window(seen, jnp.zeros((length, 2)), jnp.ones(length, bool))
    loss = policy.loss(window._replace(obs=told), key=KEY)
    np.testing.assert_array_equal(one.loss(window, key=KEY), loss)
    np.testing.assert_array_equal(one.dropped(key=KEY).loss(window, key=KEY), loss)
    carries = (one.initial_carry(), policy.initial_carry())
    for step in range(min(length, 2)):
        obs = told["observation"][step], jax.tree.map(lambda rows, step=step: rows[step], told)
        (mine, action), (its, expected) = (
            one_.sample(carry, given, key=KEY) for one_, carry, given in zip((one, policy), carries, obs, strict=True)
        )
        np.testing.assert_array_equal(action, expected)
        carries = (mine, its)
    if policy.noise_size:
        noise = jnp.ones(policy.noise_size)
        steered = policy.steer(carries[1], obs[1], noise)[1]
        np.testing.assert_array_equal(one.steer(carries[0], obs[0], noise)[1], steered)


def test_data_of_one_task_change_nothing() -> None:
    policy = part("policy", Options())(DEMOS.spaces, key=KEY)
    one = ConditionedPolicy.of(policy, DEMOS.spaces.tasks.observation, {TASK: np.array(0, np.int32)})
    assert one.fitted(demonstrations(3, "continuous").transitions()) is one
