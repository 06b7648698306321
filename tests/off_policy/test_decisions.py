"""Decisions of chunks as rows of a replay buffer."""

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.environment import Environment, Transition
from ilkit.data.spaces import Box, Spaces
from ilkit.exploration import own_density
from ilkit.finetune.dsrl import DSRL, finetune
from ilkit.network.mlp import MLP, network
from ilkit.off_policy.decisions import decision_spaces, memory_faults
from ilkit.policy import chunked, gaussian
from ilkit.spec import Spec

SPACES = Spaces(observation=Box(shape=(1,), low=0.0, high=100.0), action=Box(low=(-1.0,), high=(2.0,)))
NETWORK = Build("network", "mlp", network, MLP(hidden=(8,)))


class Clock(Spec):
    """Counts."""

    kind: Literal["clock"] = "clock"


class ClockEnvironment(Environment):
    """Observes how many steps were taken, of five; each pays what is observed before it."""

    max_steps: int = eqx.field(static=True, default=5)
    spaces: Spaces = eqx.field(static=True, default=SPACES)
    state_names: tuple[str, ...] = eqx.field(static=True, default=("time",))
    state_box: Box = eqx.field(static=True, default=SPACES.observation)

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " state"]:
        return jnp.zeros(1)

    def step(
        self, state: Float[Array, " state"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " state"], Transition]:
        return state + 1, Transition(state[0], jnp.asarray(False))

    def observe(self, state: Float[Array, " state"]) -> Float[Array, " obs"]:
        return state

    def state_of(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        return obs


def clone(**settings: Any) -> Any:
    inner = Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(), (NETWORK,))
    return chunked.policy(chunked.Chunked(**settings), NETWORK, SPACES, inner, key=jax.random.key(0))


def test_a_decision_is_a_row_with_the_rewards_until_the_next_one() -> None:
    spec = DSRL(num_envs=2, num_steps=10, critic_warmup_steps=2, batch_size=4, critic_hidden=(4,), actor_hidden=(4,))
    env = Build("env", "clock", lambda spec: ClockEnvironment(), Clock())
    exploration = Build("exploration", "own_density", own_density.exploration, own_density.OwnDensity())
    training = finetune(spec, exploration, env, clone(horizon=4, execute=2), key=jax.random.key(1))
    step, state = jax.jit(training.step), training.state
    for key in jax.random.split(jax.random.key(2), 5):  # ten steps: two episodes of five, cut by the time limit
        state, _ = step(state, key)
    buffer = state.core.buffer
    rows = buffer.at(jnp.arange(12))
    assert int(buffer.count) == 2 * 2 * 3
    found = [rows.obs[:, 0], rows.rewards, rows.next_obs[:, 0], rows.terminated]
    of_one = {(0.0, 0.0 + 1.0, 2.0, 0.0), (2.0, 2.0 + 3.0, 4.0, 0.0), (4.0, 4.0, 5.0, 0.0)}
    decisions = [tuple(map(float, row)) for row in zip(*found, strict=True)]
    assert sorted(decisions) == sorted(4 * list(of_one))
    assert rows.actions.shape == (12, 4)
    assert len(np.unique(np.asarray(rows.actions)[:, 0])) == 12  # each with a noise of its own
    assert np.abs(rows.actions).max() <= 1.0


def test_all_that_is_decided_at_once_is_one_vector() -> None:
    action = decision_spaces(clone(horizon=4, execute=3)).action
    assert action == Box(shape=(3,), low=(-1.0,) * 3, high=(2.0,) * 3)
    assert decision_spaces(clone(horizon=4, execute=3, ensemble=0.1)) == SPACES


def test_the_rest_of_a_chunk_is_no_memory() -> None:
    assert not memory_faults(clone(horizon=4, execute=3))
    assert memory_faults(clone(horizon=4, execute=3, ensemble=0.1))
