"""The linear-quadratic regulator: the optimal policy of a linear system with quadratic cost, exactly.

For x' = A x + B u and cost Σ (xᵀ Q x + uᵀ R u) over an infinite horizon, the optimal action is u = -K x with

    P = Q + Aᵀ P A - Aᵀ P B (R + Bᵀ P B)⁻¹ Bᵀ P A,    K = (R + Bᵀ P B)⁻¹ Bᵀ P A,

and the cost from x is xᵀ P x (Kalman, 1960).
"""

from typing import Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment, VectorState
from ilkit.data.known_dynamics import LinearQuadratic, LinearQuadraticForm
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Leaf, Spaces
from ilkit.errors import DataError
from ilkit.spec import Spec


class LQR(Spec):
    """The optimal policy of a linear system with quadratic cost, exactly (Kalman, 1960)."""

    kind: Literal["lqr"] = "lqr"


class LinearPolicy(Policy):
    """u = -K s."""

    gain: Float[Array, "act obs"]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Float[Array, " act"]]:
        """The optimal action."""
        return carry, -self.gain @ obs


def expert(spec: LQR, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Policy:
    """Solves the Riccati equation of the environment.

    **Raises:** `DataError` where the environment isn't linear-quadratic, has no stabilizing solution, or limits the
    actions more than the optimal policy needs in the states that `state_box` holds.
    """
    del spec, key
    system = env()
    if not (
        isinstance(system, Environment) and isinstance(system, LinearQuadraticForm) and isinstance(system, VectorState)
    ):
        raise DataError(f"expert.kind lqr needs a linear system with quadratic cost, got env.kind {env.kind}.")
    gain, _ = solve(eqx.filter_jit(lambda system: system.linear_quadratic())(system))
    _check_limits(gain, system.state_box, system.spaces.action)
    return LinearPolicy(
        gain=jnp.asarray(gain, jnp.float32),
        normalizer=Normalizer.identity(gain.shape[1]),
        spaces=system.spaces,
    )


def solve(system: LinearQuadratic) -> tuple[Float[np.ndarray, "act obs"], Float[np.ndarray, "obs obs"]]:
    """K and P of the infinite horizon.

    **Raises:** `DataError` where no policy stabilizes the system.
    """
    A, B, Q, R = (np.asarray(matrix, np.float64) for matrix in system)
    try:
        P = scipy.linalg.solve_discrete_are(A, B, Q, R)
    except np.linalg.LinAlgError as error:
        raise DataError(
            f"The linear system must be stabilizable; its Riccati equation has no solution: {error}"
        ) from error
    return np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A), P


def _check_limits(gain: Float[np.ndarray, "act obs"], states: Box, actions: Leaf) -> None:
    assert isinstance(actions, Box)
    needed = np.abs(gain) @ np.abs(states.bounds).max(axis=0)
    allowed = np.abs(actions.bounds).min(axis=0)
    if (needed > allowed).any():
        raise DataError(
            f"The optimal policy must stay within the action limits {allowed.tolist()}, but needs up to "
            f"{needed.round(3).tolist()}. Raise the limit of the actions, or their cost."
        )
