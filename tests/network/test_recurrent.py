"""Networks with memory: what they remember is what they were shown of the episode, and they learn what to remember."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.network import Network
from ilkit.data.spaces import Box, Dict, Discrete, MultiDiscrete, Spaces
from ilkit.data.windows import windows
from ilkit.imitate.bc import BC, imitate
from ilkit.network import gru, lstm, mlp, transformer
from ilkit.policy import categorical
from ilkit.running.loop import train

pytestmark = pytest.mark.bits

OBSERVATION = Dict(
    entries={
        "goal": Discrete(size=3, start=5),
        "picture": Box(shape=(2, 3, 1), low=0, high=255, dtype="uint8"),
        "speeds": Box.symmetric((1.0, 2.0)),
        "switches": MultiDiscrete(sizes=(2, 3)),
    }
)
KINDS: dict[str, Build[Network]] = {
    "gru": Build("network", "gru", gru.network, gru.GRU(hidden_size=8, window=5)),
    "lstm": Build("network", "lstm", lstm.network, lstm.LSTM(hidden_size=8, window=5)),
    "transformer": Build(
        "network", "transformer", transformer.network, transformer.Transformer(context=5, width=8, num_heads=2)
    ),
}
LENGTH = 5


@pytest.fixture(scope="module", params=KINDS)
def network(request: Any) -> Network:
    return KINDS[request.param](OBSERVATION, 3, key=jax.random.key(0))


def observed(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "goal": random.integers(5, 8, count).astype(np.int32),
        "picture": random.integers(0, 256, (count, 2, 3, 1)).astype(np.uint8),
        "speeds": random.normal(size=(count, 2)).astype(np.float32),
        "switches": random.integers(0, 2, (count, 2)).astype(np.int32),
    }


def stepped(network: Network, obs: Any) -> jax.Array:
    return jax.lax.scan(lambda carry, one: network(carry, one), network.initial_carry(), obs)[1]


def unrolled(network: Network, obs: Any, mask: Any) -> jax.Array:
    return jax.jit(lambda obs, mask: network.unroll(network.initial_carry(), obs, mask))(obs, jnp.asarray(mask))


def test_stepping_equals_unrolling(network: Network) -> None:
    obs = observed(LENGTH)
    np.testing.assert_allclose(stepped(network, obs), unrolled(network, obs, np.ones(LENGTH, bool)), atol=1e-6)


def test_what_lies_before_an_episode_leaves_no_trace(network: Network) -> None:
    obs, other = observed(LENGTH), observed(LENGTH, seed=1)
    mask = np.arange(LENGTH) >= 2
    padded = jax.tree.map(lambda own, before: np.concatenate([before[:2], own[:3]]), obs, other)
    again = jax.tree.map(lambda own: np.concatenate([np.zeros_like(own[:2]), own[:3]]), obs)
    found = unrolled(network, padded, mask)[2:]
    np.testing.assert_allclose(found, stepped(network, jax.tree.map(lambda own: own[:3], obs)), atol=1e-6)
    np.testing.assert_array_equal(found, unrolled(network, again, mask)[2:])


def test_the_future_does_not_leak_and_the_past_matters(network: Network) -> None:
    obs, full = observed(LENGTH), np.ones(LENGTH, bool)
    outputs = unrolled(network, obs, full)
    later = jax.tree.map(lambda own, other: np.concatenate([own[:-1], other[-1:]]), obs, observed(LENGTH, seed=1))
    np.testing.assert_array_equal(outputs[:-1], unrolled(network, later, full)[:-1])
    earlier = jax.tree.map(lambda own, other: np.concatenate([other[:1], own[1:]]), obs, observed(LENGTH, seed=1))
    assert float(jnp.abs(outputs - unrolled(network, earlier, full))[-1].max()) > 1e-3


def cued(num_episodes: int = 32) -> Demonstrations:
    """A cue is shown in the first step of five, and the action of the last one is the cue."""
    cues = np.arange(num_episodes) % 2
    obs = np.zeros((num_episodes, LENGTH + 1, 2), np.float32)
    obs[:, 0, 0], obs[:, LENGTH - 1, 1] = 2.0 * cues - 1.0, 1.0
    actions = np.zeros((num_episodes, LENGTH), np.int32)
    actions[:, -1] = cues
    ended = np.ones(num_episodes, bool)
    return Demonstrations(
        obs.reshape(-1, 2),
        actions.ravel(),
        np.zeros(actions.size, np.float32),
        ended,
        ~ended,
        np.full(num_episodes, LENGTH, np.int32),
        spaces=Spaces(observation=Box.symmetric((1.0, 1.0)), action=Discrete(size=2)),
    )


def last_actions_right(kind: Build[Network], num_steps: int = 200) -> float:
    """The share of episodes that end in the right action after so many steps of cloning."""
    demos = cued()
    head = Build("policy", "categorical", categorical.policy, categorical.Categorical(), (kind,))
    spec = BC(learning_rate=1e-2, num_steps=num_steps)
    learnt = train(lambda key: imitate(spec, head, demos, key=key), key=jax.random.key(0))[0]
    obs = jnp.asarray(demos.obs.reshape(-1, LENGTH + 1, 2)[:, :-1])

    def act(episode: jax.Array) -> jax.Array:
        return jax.lax.scan(lambda carry, one: learnt.mode(carry, one), learnt.initial_carry(), episode)[1]

    return float(jnp.mean(jax.vmap(act)(obs)[:, -1] == demos.actions.reshape(-1, LENGTH)[:, -1]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_cue_is_remembered(kind: str) -> None:
    assert last_actions_right(KINDS[kind]) == 1.0


def test_without_memory_a_cue_is_lost() -> None:
    assert last_actions_right(Build("network", "mlp", mlp.network, mlp.MLP(hidden=(8,)))) == 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_windows_of_demonstrations_see_their_own_episode_alone(kind: str) -> None:
    demos = cued(4)
    transitions = demos.transitions()
    network = KINDS[kind](demos.spaces.observation, 2, key=jax.random.key(0))
    batch = windows(transitions, jnp.arange(2 * LENGTH, 3 * LENGTH), network.past)
    outputs = jax.vmap(lambda one: network.unroll(network.initial_carry(), one.obs, one.mask))(batch)[:, -1]
    episode = demos.obs.reshape(-1, LENGTH + 1, 2)[2, :-1]
    np.testing.assert_allclose(outputs, stepped(network, episode), atol=1e-6)
