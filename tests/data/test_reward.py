"""What a step earns by a learnt reward."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import pytest
from jaxtyping import Array, Float

from ilkit.data.reward import Reward
from ilkit.data.spaces import Spaces
from ilkit.testing.problems import spaces
from ilkit.testing.stand_ins import known_reward


class Waiting(Reward):
    """2 a step, and `worth` after the last one."""

    worth: Float[Array, ""]
    spaces: Spaces = eqx.field(static=True, default=spaces("continuous"))
    reads_action: bool = eqx.field(static=True, default=False)

    def __call__(self, obs: Any, action: Any, next_obs: Any, terminated: Any) -> Float[Array, ""]:
        return jnp.asarray(2.0)

    @property
    def absorbing(self) -> Float[Array, ""]:
        return self.worth


@pytest.mark.parametrize("worth", [-3.0, 0.5])
def test_a_termination_earns_what_all_the_steps_after_it_would_have(worth: float) -> None:
    def earned(terminated: bool) -> float:
        step = jnp.zeros(2), jnp.zeros(2), jnp.zeros(2), jnp.asarray(terminated)
        return float(Waiting(jnp.asarray(worth)).earned(*step, discount=0.9))

    assert earned(False) == 2.0
    assert earned(True) == pytest.approx(2.0 + sum(worth * 0.9**k for k in range(1, 300)), rel=1e-5)


def test_what_has_no_absorbing_reward_says_so() -> None:
    assert Waiting(jnp.zeros(())).has_absorbing
    known = known_reward("continuous", 1.0)
    assert not known.has_absorbing
    step = jnp.ones(2) / 2, jnp.ones(2), jnp.zeros(2), jnp.asarray(True)
    assert known.earned(*step, discount=1.0) == known(*step)
