"""Soft Q-learning by a policy's logits: what its values and its updates are."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.experience import Experience
from ilkit.fitting.gradient import partition
from ilkit.nn.layered_policy import build_actor
from ilkit.soft_imitation.soft_q import QLearner, SoftQ, optimizer_of, taken, update, with_values
from ilkit.testing.problems import spaces


@pytest.fixture(scope="module")
def soft_q() -> SoftQ:
    return SoftQ.of(0.3, 0.5)


@pytest.fixture(scope="module")
def policy(soft_q: SoftQ) -> Any:
    drawn = build_actor(spaces("discrete"), (8,), key=jax.random.key(0))
    noise = jax.random.normal(jax.random.key(1), drawn.network.layers.weights[-1].shape)
    return with_values(eqx.tree_at(lambda one: one.network.layers.weights[-1], drawn, 0.1 * noise), soft_q)


def test_the_policy_is_the_soft_maximum_of_its_values(soft_q: SoftQ, policy: Any) -> None:
    """Log π(a | s) = (Q(s, a) - V(s)) / α."""
    obs = jnp.array([0.4, -0.7])
    values = soft_q.values(policy, obs)
    log_probs = [policy.log_prob((), obs, jnp.asarray(action))[1] for action in range(3)]
    np.testing.assert_allclose(log_probs, (values - soft_q.soft_maximum(values)) / 0.3, rtol=1e-4)
    assert float(soft_q.soft_maximum(jnp.array([1.0, 1.0, 1.0]))) == pytest.approx(1 + 0.3 * np.log(3))


def steps(rewards: list[float], terminated: list[float]) -> Experience:
    obs = jnp.tile(jnp.array([0.4, -0.7]), (len(rewards), 1))
    return Experience(obs, jnp.zeros(len(rewards), jnp.int32), jnp.asarray(rewards), obs, jnp.asarray(terminated))


@pytest.mark.parametrize(
    ("rewards", "terminated", "discount", "expected"),
    [
        ([1.0, 0.0], [0.0, 0.0], 0.0, 0.5),  # what was demonstrated and done as often
        ([1.0, 0.0], [1.0, 1.0], 0.5, 0.5 + 0.5 * 1.6),  # followed by what the absorbing state is worth
        ([1.0, 1.0], [0.0, 1.0], 0.0, 1.0),
    ],
)
def test_values_learn_what_is_earned_and_what_follows(
    rewards: list[float], terminated: list[float], discount: float, expected: float, soft_q: SoftQ, policy: Any
) -> None:
    trained, fixed = partition(policy)
    optimizer, batch = optimizer_of(0.02, 400), steps(rewards, terminated)

    def step(learner: QLearner, _: None) -> tuple[QLearner, Any]:
        return update(soft_q, learner, fixed, batch, jnp.asarray(1.6), optimizer, discount=discount, target_rate=0.1)

    first = QLearner(trained, trained, optimizer.init(trained))
    learner, errors = jax.jit(lambda first: jax.lax.scan(step, first, length=400))(first)
    values = soft_q.values(eqx.combine(learner.trained, fixed), batch.obs[0])
    assert float(values[0]) == pytest.approx(expected, abs=0.02)
    assert float(errors[-1]) < float(errors[0])
    assert learner.trained.network.scale.factor is None  # not trained


def test_actions_are_counted_from_the_first_of_their_space(policy: Any) -> None:
    space = policy.spaces.action.model_copy(update={"start": 5})
    shifted = dataclasses.replace(policy, spaces=policy.spaces.model_copy(update={"action": space}))
    assert float(taken(jnp.array([1.0, 2.0, 3.0]), jnp.asarray(6), shifted)) == 2.0
