"""Policies with a memory while they learn: what they remember is begun anew with each episode, and replayed right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.env import cart_pole, gymnasium
from ilkit.network import frame_stack, mlp
from ilkit.policy.categorical import Categorical, policy
from ilkit.stepping.behavior import Sampling, modes
from ilkit.stepping.memory import carries_along, first_carries
from ilkit.stepping.side_by_side import side_by_side

pytestmark = pytest.mark.bits

NUM_ENVS, NUM_STEPS = 4, 60
ENVS = {
    "compiled": lambda: cart_pole.env(cart_pole.CartPole()),
    "host": lambda: gymnasium.env(gymnasium.Gymnasium(id="CartPole-v1")),
}


class Greedy(Sampling):
    """Takes the mode, so that what was remembered while acting can be told from the actions."""

    def typical(self, policy, obs, carry=(), *, key):
        del key
        return modes(policy, obs, carry)


def stacked(spaces, key: PRNGKeyArray) -> Policy:
    inner = Build("network", "mlp", mlp.network, mlp.MLP(hidden=()))
    network = Build("network", "frame_stack", frame_stack.network, frame_stack.FrameStack(num_frames=3), inner=inner)
    return policy(Categorical(), network, spaces, key=key)


@pytest.mark.parametrize("name", ENVS)
def test_what_is_replayed_is_what_was_remembered_across_episodes_and_rollouts(name: str) -> None:
    env = ENVS[name]()
    head = stacked(env.spaces, jax.random.key(1))
    envs = side_by_side(env, NUM_ENVS)
    trials = envs.reset(key=jax.random.key(0))._replace(carry=first_carries(head, NUM_ENVS))
    for number in range(2):
        trials, rollout = envs.collect(head, Greedy(), trials, num_steps=NUM_STEPS, key=jax.random.key(number))
        rollout = jax.tree.map(jnp.asarray, rollout)
        ended = rollout.outcome.terminated | rollout.outcome.truncated
        assert np.asarray(ended).any()
        replayed = carries_along(head, rollout.carry, rollout.obs, ended)
        flat = jax.tree.map(lambda rows: jnp.reshape(rows, (-1, *rows.shape[2:])), (rollout.obs, replayed))
        np.testing.assert_array_equal(modes(head, *flat), np.ravel(rollout.actions))
        begun = np.asarray(replayed[1])
        np.testing.assert_array_equal(begun[1:], ~np.asarray(ended)[:-1])  # no memory at the start of an episode
        assert begun[0].any() == (number > 0)
