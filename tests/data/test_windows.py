"""Windows of steps, against the episodes that they are taken from."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Dict, Discrete, Spaces
from ilkit.data.windows import windows

SPACES = Spaces(
    observation=Dict(entries={"at": Box.symmetric((1e6,)), "mode": Discrete(size=2**20)}), action=Box.symmetric((1.0,))
)


def numbered(lengths: list[int]) -> Demonstrations:
    """Observations that say their episode and step, e + t / 64; actions, too, from 100 on."""
    told = [episode + np.arange(length + 1) / 64 for episode, length in enumerate(lengths)]
    obs, acts = np.concatenate(told), np.concatenate([one[:-1] for one in told])
    ended = np.ones(len(lengths), bool)
    return Demonstrations(
        {"at": obs[:, None].astype(np.float32), "mode": (64 * obs).astype(np.int32)},
        (100 + acts)[:, None].astype(np.float32),
        np.zeros(len(acts), np.float32),
        ended,
        ~ended,
        np.asarray(lengths, np.int32),
        spaces=SPACES,
    )


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_a_row_knows_the_last_one_of_its_episode(lengths: list[int]) -> None:
    found = numbered(lengths).transitions().last[: sum(lengths)]
    np.testing.assert_array_equal(found, np.repeat(np.cumsum(lengths) - 1, lengths))


@settings(max_examples=20)  # each compiles programs of its own shapes
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 4), st.integers(0, 4))
def test_a_window_holds_its_episode_only_and_masks_the_rest(lengths: list[int], past: int, ahead: int) -> None:
    demos = numbered(lengths)
    found = windows(demos.transitions(), jnp.arange(demos.num_steps), past, ahead)
    row = 0
    for episode, length in enumerate(lengths):
        for step in range(length):
            steps = np.arange(step - past, step + ahead + 1)
            inside = (steps >= 0) & (steps < length)
            np.testing.assert_array_equal(found.mask[row], inside)
            np.testing.assert_array_equal(found.obs["at"][row, inside, 0], episode + steps[inside] / 64)
            np.testing.assert_array_equal(found.obs["mode"][row, inside], 64 * episode + steps[inside])
            np.testing.assert_array_equal(found.actions[row, inside, 0], 100 + episode + steps[inside] / 64)
            row += 1


def test_observations_lie_on_the_device_once() -> None:
    demos = numbered([40, 50, 60])
    rows = demos.transitions()
    assert rows.obs["at"].shape[0] - rows.capacity == 4
    np.testing.assert_array_equal(rows.before(jnp.arange(150))["at"], demos.before()["at"])
    np.testing.assert_array_equal(rows.after(jnp.arange(150))["at"], demos.after()["at"])
