"""Cloning towards goals that are drawn in hindsight: the settings and the training run of kinds that do it."""

import optax
from jax.tree_util import Partial
from jaxtyping import PRNGKeyArray
from pydantic import NonNegativeFloat

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.training import Training
from ilkit.fitting.fit import fit
from ilkit.fitting.gradient import mean_loss
from ilkit.fitting.hindsight import HindsightSpec, check_hindsight, steps_shown


class GoalCloningSpec(HindsightSpec):
    """Which goals are drawn, and how they are learnt from."""

    weight_decay: NonNegativeFloat = 0.0
    """The decoupled weight decay of AdamW."""
    average: bool = False
    """Whether what is learnt is the average of the weights along the way, which diffusion policies need."""

    def idle(self) -> dict[str, str]:
        """What other strategies read."""
        return {} if "geometric" in self.strategy else {"discount": "strategy is geometric or clipped_geometric"}


def clone_towards_goals(
    spec: GoalCloningSpec, name: str, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray
) -> Training[Policy]:
    """Fits a policy to the demonstrations and what they achieved; `name` is what the settings lie under.

    **Raises:** `DataError` where nothing is known of what was achieved, or a setting doesn't fit the episodes.
    """
    check_hindsight(name, spec, demos)
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
        hindsight=spec.draws(demos.transitions(), steps_shown(demos)),
    )
