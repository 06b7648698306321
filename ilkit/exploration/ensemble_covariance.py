"""Exploring where the clones disagree: a = μ(s) + α w with w ~ N(0, cov(s)).

The noise is large where demonstrations say little about the expert's action and small where they pin it down. α scales
the standard deviation: Σ(s) = α² cov(s) + floor² I. Wagenmaker et al. (2025, "Posterior behavioral cloning") add the
same noise to the *targets* of pretraining; here it is added to the *actions* of reinforcement.
"""

from collections.abc import Collection
from typing import Any, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree
from pydantic import NonNegativeFloat, PositiveFloat

from ilkit.data.spaces import Box, Spaces
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import DataError
from ilkit.math.covariance import square_root
from ilkit.spec import Spec
from ilkit.stepping.behavior import AdditiveNoise, Behavior


class EnsembleCovariance(Spec):
    """Gaussian noise with the covariance of the uncertainty: wide where the demonstrations say little."""

    kind: Literal["ensemble_covariance"] = "ensemble_covariance"
    alpha: NonNegativeFloat = 1.0
    """α: the factor of the standard deviation."""
    floor: NonNegativeFloat = 0.0
    """A standard deviation, in units of the action space, that is added in quadrature in every direction."""
    average_scale: PositiveFloat | None = None
    """The root mean square of the noise per action dimension, in units of the action space, that all of it is rescaled
    to over the states visited; set it to the scale of isotropic noise to compare at equal noise."""

    def input_faults(self, given: Collection[str]) -> tuple[str, ...]:
        """An uncertainty that isn't there."""
        if "uncertainty" in given:
            return ()
        return (
            "alpha: must have an uncertainty to scale, and the pipeline hands over none. Add the argument uncertainty "
            "to stages.finetune, or choose isotropic.",
        )

    def faults(self, world: Any) -> tuple[str, ...]:
        """Actions that are choices."""
        if isinstance(world.spaces.action, Box):
            return ()
        return ("kind: needs a continuous action space, got a discrete one. Choose none or own_density.",)


class CovarianceNoise(AdditiveNoise):
    """L(s) Lᵀ(s) = α² cov(s) + least² I."""

    average_scale: Float[Array, ""] | None
    floor: Float[Array, " act"]
    uncertainty: Uncertainty
    alpha: Float[Array, ""]
    least: Float[Array, ""]

    def root(self, obs: PyTree) -> Float[Array, "act act"]:
        """The Cholesky factor of the noise covariance."""
        covariance = self.alpha**2 * self.uncertainty.covariance(obs)
        return square_root(covariance + self.least**2 * jnp.eye(len(covariance)))


def exploration(spec: EnsembleCovariance, spaces: Spaces, uncertainty: Uncertainty | None = None) -> Behavior:
    """Builds noise that follows the uncertainty.

    **Raises:** `DataError` where there is none, or actions are discrete.
    """
    if uncertainty is None:
        raise DataError(f"exploration.ensemble_covariance.{spec.input_faults(())[0]}")
    if not isinstance(spaces.action, Box):
        raise DataError("exploration.kind ensemble_covariance needs a continuous action space; choose none.")
    average_scale = None if spec.average_scale is None else jnp.asarray(spec.average_scale, jnp.float32)
    alpha, least = jnp.asarray(spec.alpha, jnp.float32), jnp.asarray(spec.floor, jnp.float32)
    return CovarianceNoise(average_scale, jnp.zeros(spaces.action.size), uncertainty, alpha, least)
