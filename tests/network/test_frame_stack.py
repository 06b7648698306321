"""Stacked observations: what a single one doesn't tell is learnt, and an episode starts with its first one repeated."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.network import Network
from ilkit.data.spaces import Box, Dict, Discrete, MultiDiscrete, Space, Spaces, zeros
from ilkit.errors import DataError
from ilkit.imitate.bc import BC, imitate
from ilkit.network import frame_stack, mlp
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.running.loop import train

LINEAR = Build("network", "mlp", mlp.network, mlp.MLP(hidden=()))


def stack(num_frames: int, inner: Build[Network] = LINEAR) -> Build[Network]:
    spec = frame_stack.FrameStack(num_frames=num_frames, inner=inner.kind)
    return Build("network", "frame_stack", frame_stack.network, spec, inner=inner)


NETWORKS = {"mlp": LINEAR, "frame_stack": stack(2)}
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
    network = stack(3)(SPACES.observation, 1, key=jax.random.key(0))
    weights, bias = network.inner.layers.weights[0][0], network.inner.layers.biases[0]
    seen = jnp.array([1.0, 2.0, 3.0, 4.0])
    outputs = network.unroll(network.initial_carry(), seen[:, None], jnp.ones(len(seen), bool))
    stacks = jnp.array([[1.0, 1.0, 1.0], [1.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])
    np.testing.assert_allclose(outputs[:, 0], stacks @ weights + bias, rtol=1e-5)


OBSERVATIONS = {
    "picture": (
        Box(shape=(4, 5, 3), low=0, high=255, dtype="uint8"),
        Box(shape=(4, 5, 6), low=0, high=255, dtype="uint8"),
    ),
    "number": (Box(low=0.0, high=1.0), Box(shape=(2,), low=0.0, high=1.0)),
    "discrete": (Discrete(size=3, start=5), MultiDiscrete(sizes=(3, 3))),
    "multi_discrete": (MultiDiscrete(sizes=(2, 4)), MultiDiscrete(sizes=(2, 4, 2, 4))),
}


@pytest.mark.parametrize("name", [*OBSERVATIONS, "dict"])
def test_the_inner_network_sees_elements_of_the_stacked_space(name: str) -> None:
    both = [{key: pair[at] for key, pair in OBSERVATIONS.items()} for at in (0, 1)]
    spaces: list[Space] = [Dict(entries=one) for one in both] if name == "dict" else list(OBSERVATIONS[name])
    seen: list[Any] = []

    class Sees(Network):
        def __call__(self, carry: Any, obs: Any) -> Any:
            seen.append(obs)
            return carry, jnp.zeros(1)

    def inner(spec: Any, observation: Space, out_size: int, *, key: Any) -> Network:
        assert observation == spaces[1]
        return Sees()

    network = stack(2, Build("network", "sees", inner, mlp.MLP()))(spaces[0], 1, key=jax.random.key(0))
    network(network.initial_carry(), jax.tree.map(jnp.asarray, zeros(spaces[0])))
    shapes = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), seen[0])
    assert shapes == jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), zeros(spaces[1]))


def test_a_stack_around_a_stack_is_refused() -> None:
    with pytest.raises(DataError, match="network without memory"):
        stack(2, stack(2))(SPACES.observation, 1, key=jax.random.key(0))
