"""Behavioral cloning: imitation as supervised learning (Pomerleau, 1988).

Minimizes E_{(s, a) ~ demonstrations}[loss(π, s, a)]: the negative log-likelihood -log π(a | s), or the squared error
‖μ(s) - a‖² where the head is deterministic.
"""

from typing import Literal

import optax
from jax.tree_util import Partial
from jaxtyping import PRNGKeyArray
from pydantic import NonNegativeFloat

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.fitting.fit import FitSpec, fit
from ilkit.fitting.gradient import mean_loss


class BC(FitSpec):
    """Behavioral cloning by maximum likelihood, or by squared error for a deterministic head (Pomerleau, 1988)."""

    kind: Literal["bc"] = "bc"
    weight_decay: NonNegativeFloat = 0.0
    """The decoupled weight decay of AdamW."""
    average: bool = False
    """Whether what is learnt is the average of the weights along the way, which diffusion policies need."""


def imitate(spec: BC, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray) -> Training[Policy]:
    """Fits a policy to the demonstrations."""
    optimizer = Partial(optax.adamw, spec.learning_rate, weight_decay=spec.weight_decay)
    return fit(
        mean_loss,
        optimizer,
        policy,
        demos,
        batch_size=spec.batch_size,
        num_steps=spec.num_steps,
        key=key,
        average=spec.average,
    )
