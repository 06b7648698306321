"""Cloning towards goals that are drawn in hindsight: the settings and the training run of kinds that do it."""

from typing import Annotated

import numpy as np
import optax
from jax.tree_util import Partial
from jaxtyping import PRNGKeyArray
from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import DESIRED, STEPS_LEFT, goal_faults
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Dict, described
from ilkit.data.training import Training
from ilkit.errors import DataError, refuse
from ilkit.fitting.fit import FitSpec, fit
from ilkit.fitting.goals import Hindsight, Strategy, warn_of_intentions
from ilkit.fitting.gradient import mean_loss

Share = Annotated[float, Field(ge=0, le=1)]


class GoalCloningSpec(FitSpec):
    """Which goals are drawn, and how they are learnt from."""

    strategy: Strategy = "uniform"
    """How far ahead goals are drawn: uniform, geometric, final, or as OGBench draws, rounded_uniform and
    clipped_geometric."""
    discount: Annotated[float, Field(gt=0, le=0.9999)] = 0.99
    """γ: how near geometric goals are."""
    horizon: PositiveInt | None = None
    """The most steps ahead that a goal lies; none: the end of the episode."""
    current: Share = 0.0
    """The share of goals that are the present state."""
    future: Share = 1.0
    """The share of goals that lie ahead in the same episode."""
    random: Share = 0.0
    """The share of goals that are states of another episode."""
    relative: bool = False
    """Whether the policy is given goals as the way there, on its own scale: those that are near are seen, then."""
    weight_decay: NonNegativeFloat = 0.0
    """The decoupled weight decay of AdamW."""
    average: bool = False
    """Whether what is learnt is the average of the weights along the way, which diffusion policies need."""

    @model_validator(mode="after")
    def _check_shares(self) -> "GoalCloningSpec":
        total = self.current + self.future + self.random
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"current, future and random must add up to 1, got {total:g}")
        return self

    def idle(self) -> dict[str, str]:
        """What other strategies read."""
        return {} if "geometric" in self.strategy else {"discount": "strategy is geometric or clipped_geometric"}


def clone_towards_goals(
    spec: GoalCloningSpec, name: str, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray
) -> Training[Policy]:
    """Fits a policy to the demonstrations and what they achieved; `name` is what the settings lie under.

    **Raises:** `DataError` where nothing is known of what was achieved, or a setting doesn't fit the episodes.
    """
    _check(spec, name, demos)
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
        hindsight=_hindsight(spec, demos),
    )


def _hindsight(spec: GoalCloningSpec, demos: Demonstrations) -> Hindsight:
    return Hindsight.of(
        demos.transitions(),
        spec.strategy,
        _steps_shown(demos),
        discount=spec.discount,
        current=spec.current,
        other=spec.random,
        horizon=spec.horizon,
        relative=spec.relative,
    )


def _check(spec: GoalCloningSpec, name: str, demos: Demonstrations) -> None:
    refuse(name, (f"demos: {fault}" for fault in goal_faults(demos.spaces.observation)))
    warn_of_intentions(demos)
    longest = int(demos.lengths.max())
    if spec.horizon is not None and spec.horizon > longest:
        raise DataError(
            f"{name}.horizon: must be at most the steps of the longest episode, {longest}, got {spec.horizon}."
        )
    if spec.random and demos.num_episodes < 2:
        raise DataError(
            f"{name}.random: must be 0 where there is one episode alone, got {spec.random:g}: there is no other."
        )
    observed = demos.spaces.observation
    assert isinstance(observed, Dict)
    goal = dict(observed.entries)[DESIRED]
    if spec.relative and not (isinstance(goal, Box) and goal.is_floating):
        raise DataError(
            f"{name}.relative: needs goals that are real numbers, to be subtracted, got {described(goal)}. "
            "Set it to false."
        )


def _steps_shown(demos: Demonstrations) -> int:
    """Of how many steps `steps_left` is a share: it falls by one of them at every step."""
    if not isinstance(demos.obs, dict) or STEPS_LEFT not in demos.obs:
        return int(demos.lengths.max())
    first, second = (np.asarray(rows[STEPS_LEFT]) for rows in (demos.before(demos.starts), demos.after(demos.starts)))
    fall = float(np.median(first - second))
    if not fall > 0:
        raise DataError(
            f"{STEPS_LEFT} must fall at every step, as a share of the episode does, got a change of {-fall:g}."
        )
    return round(1.0 / fall)
