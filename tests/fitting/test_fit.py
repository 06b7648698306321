"""fit: one trace for all learning rates, and members drawn by their multiplicities."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.tree_util import Partial

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.fitting.fit import fit
from ilkit.fitting.gradient import mean_loss
from ilkit.network import frame_stack, mlp
from ilkit.network.frame_stack import FrameStack
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.running.loop import train

HEAD = Build("policy", "deterministic", policy, Deterministic(), (Build("network", "mlp", network, MLP(hidden=())),))
SPACES = Spaces(observation=Box.symmetric((1.0,)), action=Box.symmetric((1.0,)))


def constant(actions: list[float]) -> Demonstrations:
    """An action for each step, whatever the observation, which is always 0."""
    count, ended = len(actions), np.zeros(1, bool)
    return Demonstrations(
        np.zeros((count + 1, 1), np.float32),
        np.asarray(actions, np.float32)[:, None],
        np.zeros(count, np.float32),
        ended,
        ~ended,
        np.array([count], np.int32),
        spaces=SPACES,
    )


def test_another_learning_rate_is_traced_no_second_time() -> None:
    traces = []

    def counted(policy, batch, *, key):
        traces.append(1)
        return mean_loss(policy, batch, key=key)

    for rate in (1e-3, 1e-2):
        optimizer, demos = Partial(optax.adam, rate), constant([0.5, 0.5])
        train(
            lambda key, demos=demos, optimizer=optimizer: fit(
                counted, optimizer, HEAD, demos, batch_size=4, num_steps=3, key=key
            ),
            key=jax.random.key(0),
            chunk_size=3,
        )
        if rate == 1e-3:
            once = len(traces)
    assert len(traces) - once <= 1  # the names of the curves are found by tracing; the compiled steps are there already


def two_halves(transitions, *, key):
    """The first member has the first row only, the second one the others in equal shares."""
    del key
    return jnp.zeros((2, transitions.capacity), jnp.int32).at[0, 0].set(3).at[1, 1:3].set(1)


def test_each_member_is_fitted_to_its_own_data() -> None:
    learnt = train(
        lambda key: fit(
            mean_loss,
            Partial(optax.adam, 1e-2),
            HEAD,
            constant([-0.5, 0.25, 0.75]),
            batch_size=64,
            num_steps=600,
            key=key,
            members=Partial(two_halves),
        ),
        key=jax.random.key(0),
    )[0]
    found = jax.vmap(lambda member: member.mode((), jnp.zeros(1))[1])(learnt)
    assert found[:, 0].tolist() == pytest.approx([-0.5, 0.5], abs=0.05)


def test_the_average_of_the_weights_is_what_is_learnt() -> None:
    def descended(average: bool, num_steps: int) -> np.ndarray:
        learnt = train(
            lambda key: fit(
                mean_loss,
                Partial(optax.sgd, 0.1),
                HEAD,
                constant([0.5, 0.5]),
                batch_size=4,
                num_steps=num_steps,
                key=key,
                average=average,
            ),
            key=jax.random.key(0),
        )[0]
        return np.asarray(learnt.network.layers.biases[0])

    expected = descended(False, 1)
    for step in (1, 2):
        decay = 1.0 - (1.0 + step) ** -0.75
        expected = decay * expected + (1.0 - decay) * descended(False, step + 1)
    np.testing.assert_allclose(descended(True, 3), expected, rtol=1e-5)
    assert not np.allclose(descended(False, 3), expected, rtol=1e-3)


def test_a_window_longer_than_every_episode_is_refused() -> None:
    network = Build("network", "mlp", mlp.network, MLP(hidden=()))
    stacked = Build("network", "frame_stack", frame_stack.network, FrameStack(num_frames=3), inner=network)
    head = Build("policy", "deterministic", policy, Deterministic(), (stacked,))
    optimizer = Partial(optax.sgd, 0.1)
    with pytest.raises(DataError, match="2 at most, and this one wants 3 steps up to now"):
        fit(mean_loss, optimizer, head, constant([0.5, 0.5]), batch_size=4, num_steps=1, key=jax.random.key(0))
    fit(mean_loss, optimizer, head, constant([0.5] * 3), batch_size=4, num_steps=1, key=jax.random.key(0))
