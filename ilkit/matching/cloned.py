"""Where matching starts from: a policy as it is drawn, or a clone of the demonstrations."""

import jax
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.data.windows import Transitions, windows
from ilkit.errors import refuse
from ilkit.fitting.gradient import draw_rows, mean_loss
from ilkit.fitting.minimize import minimize
from ilkit.matching.spec import MatchingSpec

_LEARNING_RATE = 1e-3
_BATCH_SIZE = 100


def first_policy(
    spec: MatchingSpec,
    policy: Build[Policy],
    spaces: Spaces,
    transitions: Transitions,
    clone_steps: int,
    *,
    key: PRNGKeyArray,
) -> Policy:
    """A policy whose observations are standardized by the demonstrations, cloned in so many steps as `bc` clones.

    **Raises:** `DataError` where it has no density, or a memory.
    """
    policy_key, clone_key = jax.random.split(key)
    initial = policy(spaces, key=policy_key).fitted(transitions)
    refuse(f"match.{spec.kind}", spec.policy_faults(initial, {}))
    if not clone_steps:
        return initial

    def loss(policy: Policy, key: PRNGKeyArray) -> Float[Array, ""]:
        row_key, loss_key = jax.random.split(key)
        rows = draw_rows(transitions, _BATCH_SIZE, key=row_key)
        return mean_loss(policy, windows(transitions, rows, *policy.window), key=loss_key)

    cloned, _ = minimize(loss, optax.adam(_LEARNING_RATE), initial, clone_steps, key=clone_key)
    return cloned
