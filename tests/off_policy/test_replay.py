"""The ring of steps that an off-policy learner draws from."""

import jax
import jax.numpy as jnp
import numpy as np

from ilkit.data.experience import Experience
from ilkit.data.spaces import Box, Spaces
from ilkit.off_policy.replay import ReplayBuffer

_SPACES = Spaces(observation=Box.symmetric((1.0, 1.0)), action=Box.symmetric((1.0,)))


def _steps(*numbers: float) -> Experience:
    """Steps told apart by their reward, from which every other column follows."""
    reward = jnp.asarray(numbers)
    column = reward[:, None]
    return Experience(
        jnp.concatenate([column + 0.1, column + 0.2], axis=-1),
        column + 0.3,
        reward,
        jnp.concatenate([column + 0.4, column + 0.5], axis=-1),
        reward % 2,
    )


def _held(buffer: ReplayBuffer) -> list[float]:
    drawn = buffer.draw((500,), key=jax.random.key(0))
    return sorted({round(float(reward), 3) for reward in drawn.rewards})


def test_what_is_drawn_is_what_was_added_column_by_column() -> None:
    added = _steps(1.0, 2.0, 3.0)
    buffer = ReplayBuffer.empty(8, _SPACES).add(added)
    drawn = buffer.draw((4, 5), key=jax.random.key(0))
    assert drawn.obs.shape == drawn.next_obs.shape == (4, 5, 2)
    expected = _steps(*np.asarray(drawn.rewards).ravel().tolist())
    for got, wanted in zip(drawn, expected, strict=True):
        np.testing.assert_allclose(np.asarray(got).reshape(wanted.shape), wanted, rtol=1e-6)


def test_only_rows_that_were_added_are_drawn() -> None:
    buffer = ReplayBuffer.empty(100, _SPACES).add(_steps(1.0, 2.0))
    assert _held(buffer) == [1.0, 2.0]


def test_the_newest_rows_replace_the_oldest() -> None:
    buffer = ReplayBuffer.empty(5, _SPACES)
    for first in (1.0, 4.0, 7.0):
        buffer = buffer.add(_steps(first, first + 1, first + 2))
    assert int(buffer.count) == 9
    assert _held(buffer) == [5.0, 6.0, 7.0, 8.0, 9.0]


def test_rows_are_drawn_evenly() -> None:
    buffer = ReplayBuffer.empty(8, _SPACES).add(_steps(0.0, 1.0, 2.0, 3.0))
    counts = np.bincount(np.asarray(buffer.draw((4000,), key=jax.random.key(1)).rewards, int), minlength=4)
    assert (abs(counts - 1000) < 150).all()  # five standard deviations are 137


def test_rows_that_are_not_kept_leave_no_trace() -> None:
    buffer = ReplayBuffer.empty(4, _SPACES).add(_steps(1.0, 2.0, 3.0))
    kept = buffer.add(_steps(4.0, 5.0, 6.0), jnp.asarray([True, False, True]))
    assert int(kept.count) == 5
    assert _held(kept) == [2.0, 3.0, 4.0, 6.0]
    assert _held(buffer.add(_steps(7.0, 8.0), jnp.asarray([False, False]))) == [1.0, 2.0, 3.0]
