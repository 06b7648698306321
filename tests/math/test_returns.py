"""Generalized advantages against closed forms and their definition as a sum."""

import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.math.returns import generalized_advantages

_STEPS = 4


def _advantages(
    *, discount: float, trace_decay: float, terminated: int | None = None, truncated: int | None = None
) -> np.ndarray:
    """Those of rewards 1, 2, 3, 4 with values 10, 20, 30, 40, each followed by the value 100."""
    ends = [np.zeros((_STEPS, 1), bool) for _ in range(2)]
    for end, step in zip(ends, (terminated, truncated), strict=True):
        if step is not None:
            end[step] = True
    return np.asarray(
        generalized_advantages(
            jnp.asarray([[1.0], [2.0], [3.0], [4.0]]),
            jnp.asarray([[10.0], [20.0], [30.0], [40.0]]),
            jnp.full((_STEPS, 1), 100.0),
            jnp.asarray(ends[0]),
            jnp.asarray(ends[1]),
            discount=discount,
            trace_decay=trace_decay,
        )
    )[:, 0]


def test_without_a_trace_it_is_the_error_of_one_step() -> None:
    np.testing.assert_allclose(_advantages(discount=0.5, trace_decay=0.0), [41.0, 32.0, 23.0, 14.0])


def test_termination_is_worth_nothing_and_truncation_the_value_of_the_last_observation() -> None:
    running = _advantages(discount=0.5, trace_decay=0.0)
    terminated = _advantages(discount=0.5, trace_decay=0.0, terminated=1)
    truncated = _advantages(discount=0.5, trace_decay=0.0, truncated=1)
    np.testing.assert_allclose(terminated - running, [0.0, -50.0, 0.0, 0.0])
    np.testing.assert_allclose(truncated, running)


@pytest.mark.parametrize(("end", "bootstrap"), [("terminated", 0.0), ("truncated", 100.0)])
def test_the_trace_stops_at_the_end_of_an_episode(end: str, bootstrap: float) -> None:
    ended = _advantages(discount=1.0, trace_decay=1.0, **{end: 1})
    second = 2.0 + bootstrap - 20.0
    np.testing.assert_allclose(ended, [1.0 + 100.0 - 10.0 + second, second, 73.0 + 64.0, 64.0])


def test_a_whole_trace_gives_discounted_returns_whatever_the_critic_says() -> None:
    rewards = np.array([[1.0], [-2.0], [3.0], [0.5]], np.float32)
    values = np.array([[5.0], [-1.0], [2.0], [7.0]], np.float32)
    terminated = np.array([[False], [False], [False], [True]])
    advantages = generalized_advantages(
        jnp.asarray(rewards),
        jnp.asarray(values),
        jnp.asarray(np.roll(values, -1, axis=0)),
        jnp.asarray(terminated),
        jnp.zeros((4, 1), bool),
        discount=0.9,
        trace_decay=1.0,
    )
    returns = [sum(0.9 ** (later - now) * rewards[later, 0] for later in range(now, 4)) for now in range(4)]
    np.testing.assert_allclose((np.asarray(advantages) + values)[:, 0], returns, rtol=1e-5)


def test_environments_do_not_mix_and_match_the_sum_over_later_errors() -> None:
    random = np.random.default_rng(0)
    rewards, values, next_values = random.normal(size=(3, 20, 5)).astype(np.float32)
    terminated, truncated = random.uniform(size=(2, 20, 5)) < 0.1
    truncated &= ~terminated
    advantages = generalized_advantages(
        *(jnp.asarray(column) for column in (rewards, values, next_values, terminated, truncated)),
        discount=0.95,
        trace_decay=0.8,
    )
    errors = rewards + 0.95 * np.where(terminated, 0.0, next_values) - values
    for env in range(5):
        for now in range(20):
            expected, weight = 0.0, 1.0
            for later in range(now, 20):
                expected += weight * errors[later, env]
                weight *= 0.95 * 0.8
                if terminated[later, env] or truncated[later, env]:
                    break
            np.testing.assert_allclose(advantages[now, env], expected, rtol=1e-4, atol=1e-5)
