"""Exploring where the clones disagree: a = μ(s) + α w with w ~ N(0, cov(s)).

The noise is large where demonstrations say little about the expert's action and small where they pin it down. α scales
the standard deviation: Σ(s) = α² cov(s) + floor² I. Wagenmaker et al. (2025, "Posterior behavioral cloning") add the
same noise to the *targets* of pretraining; here it is added to the *actions* of reinforcement.
"""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree
from pydantic import NonNegativeFloat, PositiveFloat

from ilkit.data.spaces import Box, Spaces
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import DataError
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
        return cholesky(covariance + self.least**2 * jnp.eye(len(covariance)))


def cholesky(covariance: Float[Array, "size size"]) -> Float[Array, "size size"]:
    """A lower triangular square root, also where the covariance is singular.

    The diagonal is raised by 1e-5 of the trace, which rounding in float32 can't exceed: an ensemble that is smaller
    than the action space, or that agrees exactly, has a singular covariance.
    """
    if len(covariance) == 1:
        return jnp.sqrt(covariance)
    jitter = 1e-5 * jnp.trace(covariance) + 1e-12
    return jnp.linalg.cholesky(covariance + jitter * jnp.eye(len(covariance)))


def exploration(spec: EnsembleCovariance, spaces: Spaces, uncertainty: Uncertainty | None = None) -> Behavior:
    """Builds noise that follows the uncertainty.

    **Raises:** `DataError` where there is none, or actions are discrete.
    """
    if uncertainty is None:
        raise DataError(
            "exploration.kind ensemble_covariance needs an uncertainty, and the pipeline gives finetune none. "
            "Hand it to stages.finetune, or choose isotropic."
        )
    if not isinstance(spaces.action, Box):
        raise DataError("exploration.kind ensemble_covariance needs a continuous action space; choose none.")
    average_scale = None if spec.average_scale is None else jnp.asarray(spec.average_scale, jnp.float32)
    alpha, least = jnp.asarray(spec.alpha, jnp.float32), jnp.asarray(spec.floor, jnp.float32)
    return CovarianceNoise(average_scale, jnp.zeros(spaces.action.size), uncertainty, alpha, least)
