"""Reinforcement with demonstrations in every batch: its counts, its modesty, and what it refuses."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations
from ilkit.errors import DataError
from ilkit.finetune import rlpd
from ilkit.finetune.rlpd import RLPD, conservative_loss, finetune
from ilkit.off_policy.critics import outputs_of
from ilkit.stepping.episodes import collect_episodes

_SMALL: dict[str, Any] = {
    **{"num_envs": 2, "updates_per_env_step": 3, "batch_size": 8, "demo_batch_size": 4, "buffer_size": 12},
    **{"num_critics": 4, "critic_hidden": (8,), "critic_warmup_steps": 1},
}


@pytest.fixture(scope="module")
def demos(push: Any, clone: Any) -> Demonstrations:
    policy = clone(push, "gaussian", squash=True)
    return collect_episodes(push(), policy, num_episodes=3, key=jax.random.key(5), stochastic=True).demonstrations()


def _run(push: Any, clone: Any, known: Any, explore: Any, demos: Demonstrations | None, **settings: Any) -> Any:
    spec, cloned = RLPD(**_SMALL | settings), clone(push, "gaussian", squash=True)
    inputs = (explore("own_density"), push, cloned, known(1.0, 1.0), demos)
    return finetune(spec, *inputs, key=jax.random.key(0))


def test_the_actor_moves_once_for_a_step_of_an_environment_and_critics_more_often(
    push: Any, clone: Any, known: Any, explore: Any, demos: Demonstrations
) -> None:
    training = _run(push, clone, known, explore, demos, num_steps=5)
    state = training.state
    for step in range(3):
        state, info = jax.jit(training.step)(state, jax.random.key(step))
        assert all(np.isfinite(value) for value in info)
    moments = state.learner.moments
    assert int(moments.critics[0].count) == 3 * 2 * 3
    assert int(moments.actor.inner_state[0].count) == (3 - 1) * 2  # the first step is warm-up
    assert state.learner.networks.critics.weights[0].shape[0] == 4


def test_the_conservative_loss_is_zero_for_a_density_that_values_explain() -> None:
    """Where exp(q) is k times the density of each of n actions, log Σ exp(q) / p = log n + log k."""
    log_densities = jnp.asarray(np.random.default_rng(0).normal(size=(6, 1, 3)))
    outputs = jnp.broadcast_to(log_densities + np.log(2.0), (6, 2, 3))
    shown = jnp.full((2, 3), np.log(6 * 2.0))
    np.testing.assert_allclose(conservative_loss(outputs, log_densities, shown), 0.0, atol=1e-5)
    np.testing.assert_allclose(conservative_loss(outputs, log_densities, shown - 1.0), 2.0, rtol=1e-5)


def test_values_of_policy_actions_are_not_pressed_below_what_demonstrations_returned(
    push: Any, clone: Any, known: Any, explore: Any, demos: Demonstrations
) -> None:
    """With returns out of reach only uniform actions weigh: the penalty is that of Q against constants."""
    training = _run(push, clone, known, explore, demos, num_steps=5, cal_ql_weight=2.0, cal_ql_actions=3)
    state, _ = jax.jit(training.step)(training.state, jax.random.key(0))
    spec, learner = RLPD(**_SMALL, cal_ql_weight=2.0, cal_ql_actions=3), state.learner
    steps = state.buffer.draw((8,), key=jax.random.key(1))
    noise = rlpd._noise(spec, state, (8,), key=jax.random.key(2))
    critics = jax.tree.map(lambda leaf: leaf + 0.1, learner.networks.critics)

    def penalty(critics: Any, returns: float) -> jax.Array:
        batch = rlpd.Batch(steps, noise, None, jnp.full(4, returns))
        return rlpd._penalty(critics, spec, state, learner, batch)

    low, high = (penalty(critics, returns) for returns in (-1e6, 1e6))
    assert np.isfinite(low)
    # The largest of the terms is the bound over the least density of π's actions.
    assert float(high) > 2.0 * 4 * float(learner.scale.standardize(jnp.asarray(1e6))) * 0.9
    slope_low, slope_high = (jax.grad(penalty)(critics, returns) for returns in (-1e6, 1e6))
    shown = jax.tree.map(lambda rows: rows[0::2], steps)
    own = jax.grad(lambda critics: -2.0 * jnp.mean(jnp.sum(outputs_of(critics, state.fixed, *shown[:2]), axis=0)))
    for pressed, free, expected in zip(*map(jax.tree.leaves, (slope_low, slope_high, own(critics))), strict=True):
        np.testing.assert_allclose(free, expected, atol=1e-4)
        assert not np.allclose(pressed, expected, atol=1e-4) or pressed.size == 4


def test_demonstrations_are_needed_and_their_rewards(
    push: Any, clone: Any, known: Any, explore: Any, demos: Demonstrations
) -> None:
    with pytest.raises(DataError, match=r"finetune\.rlpd\.demo_batch_size: needs demonstrations"):
        _run(push, clone, known, explore, None)
    worthless = jax.tree.map(lambda leaf: leaf, demos)
    object.__setattr__(worthless, "rewards", np.zeros_like(demos.rewards))
    with pytest.raises(DataError, match="all of these are 0"):
        _run(push, clone, known, explore, worthless)
