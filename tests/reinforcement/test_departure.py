"""How far a policy has departed from another one."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.reinforcement.departure import departure

_OBS = Box(low=(-1.0,), high=(1.0,))
_THREE = Discrete(size=3)


class Constant(Policy):
    """Does the same whatever it sees."""

    action: Array
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: Any, obs: Array) -> tuple[Any, Array]:
        del obs
        return carry, self.action

    def sample(self, carry: Any, obs: Array, *, key: Any) -> tuple[Any, Array]:
        del key
        return self.mode(carry, obs)

    def log_prob(self, carry: Any, obs: Array, action: Array) -> tuple[Any, Float[Array, ""]]:
        raise NotImplementedError


def _doing(action: Any, space: Any) -> Policy:
    return Constant(
        action=jnp.asarray(action), normalizer=Normalizer.identity(_OBS), spaces=Spaces(observation=_OBS, action=space)
    )


def test_it_is_in_half_ranges() -> None:
    space = Box(low=(-2.0, 0.0), high=(2.0, 1.0))
    found = departure(_doing([1.0, 1.0], space), _doing([0.0, 0.5], space), jnp.zeros((3, 1)))
    np.testing.assert_allclose(found, np.sqrt((0.5**2 + 1.0**2) / 2), rtol=1e-6)


@pytest.mark.parametrize(("action", "expected"), [(1, 0.0), (2, 1.0)])
def test_of_discrete_actions_it_is_the_share_that_differs(action: int, expected: float) -> None:
    assert float(departure(_doing(action, _THREE), _doing(1, _THREE), jnp.zeros((3, 1)))) == expected
