"""Stacked observations: what a single one doesn't tell is learnt, and an episode starts with its first one repeated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Spaces
from ilkit.imitate.bc import BC, imitate
from ilkit.network import frame_stack, mlp
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.running.loop import train

NETWORKS = {
    "mlp": Build("network", "mlp", mlp.network, mlp.MLP(hidden=())),
    "frame_stack": Build(
        "network", "frame_stack", frame_stack.network, frame_stack.FrameStack(num_frames=2, hidden=())
    ),
}
SPACES = Spaces(observation=Box.symmetric((4.0,)), action=Box.symmetric((1.0,)))


def slowed_down(num_episodes: int = 64, length: int = 8) -> Demonstrations:
    """A position is observed, and the action is minus the velocity, which is drawn for each episode."""
    random = np.random.default_rng(0)
    start, speed = random.uniform(-1.0, 1.0, (2, num_episodes, 1))
    positions = start + speed * np.arange(length + 1) / 4
    actions = np.where(np.arange(length) == 0, 0.0, np.broadcast_to(-speed, (num_episodes, length)))
    ended = np.zeros(num_episodes, bool)
    return Demonstrations(
        positions.reshape(-1, 1).astype(np.float32),
        actions.reshape(-1, 1).astype(np.float32),
        np.zeros(actions.size, np.float32),
        ended,
        ~ended,
        np.full(num_episodes, length, np.int32),
        spaces=SPACES,
    )


@pytest.mark.parametrize(("kind", "smallest", "largest"), [("mlp", 0.1, 1.0), ("frame_stack", 0.0, 5e-3)])
def test_velocity_is_learnt_from_two_positions_and_not_from_one(kind: str, smallest: float, largest: float) -> None:
    demos, head = slowed_down(), Build("policy", "deterministic", policy, Deterministic(), (NETWORKS[kind],))
    spec = BC(learning_rate=2e-2, num_steps=1000)
    learnt = train(lambda key: imitate(spec, head, demos, key=key), key=jax.random.key(0))[0]
    obs = jnp.asarray(demos.obs.reshape(64, 9, 1)[:, :-1])

    def act(episode: jax.Array) -> jax.Array:
        return jax.lax.scan(lambda carry, one: learnt.mode(carry, one), learnt.initial_carry(), episode)[1]

    error = float(jnp.mean((jax.vmap(act)(obs) - demos.actions.reshape(64, 8, 1)) ** 2))
    assert smallest <= error <= largest


def test_the_first_observation_is_repeated_and_each_is_seen_for_as_long_as_there_are_frames() -> None:
    network = frame_stack.network(
        frame_stack.FrameStack(num_frames=3, hidden=()), SPACES.observation, 1, key=jax.random.key(0)
    )
    weights, bias = network.inner.layers.weights[0][0], network.inner.layers.biases[0]
    seen = jnp.array([1.0, 2.0, 3.0, 4.0])
    outputs = network.unroll(network.initial_carry(), seen[:, None], jnp.ones(len(seen), bool))
    stacks = jnp.array([[1.0, 1.0, 1.0], [1.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])
    np.testing.assert_allclose(outputs[:, 0], stacks @ weights + bias, rtol=1e-5)
