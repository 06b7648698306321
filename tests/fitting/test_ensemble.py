"""The covariance of an ensemble."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.fitting.ensemble import Ensemble
from ilkit.measuring.uncertainty_map import uncertainty_map


class Gain(Policy):
    """a = K s."""

    gain: Float[Array, "act obs"]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Float[Array, " act"]]:
        return carry, self.gain @ obs


@pytest.fixture
def gains() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)


def ensemble(gains: np.ndarray, unbiased: bool = False) -> Ensemble:
    spaces = Spaces(observation=Box.symmetric([1.0] * 3), action=Box.symmetric([1.0] * 2))
    members = eqx.filter_vmap(lambda gain: Gain(gain, Normalizer.identity(3), spaces))(jnp.asarray(gains))
    return Ensemble(members, unbiased)


@pytest.mark.parametrize("unbiased", [False, True])
def test_covariance_is_that_of_the_actions(gains: np.ndarray, unbiased: bool) -> None:
    obs = np.array([0.3, -1.0, 2.0], np.float32)
    found = ensemble(gains, unbiased).covariance(jnp.asarray(obs))
    np.testing.assert_allclose(found, np.cov((gains @ obs).T, bias=not unbiased), rtol=1e-5)


def test_map_has_y_in_rows_and_others_at_the_center(gains: np.ndarray) -> None:
    box = Box(low=(-1.0, 0.0, 2.0), high=(1.0, 4.0, 3.0))
    found = uncertainty_map(ensemble(gains), lambda state: 2.0 * state, box, dims=(2, 0), resolution=5)
    np.testing.assert_allclose(found.x, np.linspace(2, 3, 5))
    np.testing.assert_allclose(found.y, np.linspace(-1, 1, 5))
    actions = gains @ np.array([2 * found.y[3], 2 * 2.0, 2 * found.x[1]])
    assert found.scale[3, 1] == pytest.approx(np.sqrt(actions.var(axis=0).mean()), rel=1e-5)


@pytest.mark.parametrize("dims", [(0, 0), (0, 3), (-1, 0)])
def test_map_needs_two_entries(gains: np.ndarray, dims: Any) -> None:
    with pytest.raises(DataError, match="two different entries of a vector of 3"):
        uncertainty_map(ensemble(gains), lambda state: state, Box.symmetric([1.0] * 3), dims)


def test_map_needs_a_finite_box(gains: np.ndarray) -> None:
    with pytest.raises(DataError, match="finite box"):
        uncertainty_map(ensemble(gains), lambda state: state, Box.symmetric([1.0, np.inf, 1.0]))
