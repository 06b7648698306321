"""How much disturbance policies survive: noise on their actions, or pushes, at several strengths.

Multi-task learning is said to help here, for the mistakes of one task may have been dealt with in another. The report
draws what becomes of each policy against the strength of the disturbance, and compares policies with the first one, or
with another reference, under the same disturbances.
"""

from collections.abc import Collection, Iterator
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PlainSerializer,
    PositiveInt,
    WithJsonSchema,
    model_validator,
)

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment, RecordedEnvironment
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box
from ilkit.errors import DataError, refuse, unknown_faults
from ilkit.measuring.comparison import Resampling
from ilkit.measuring.endurance import Outcomes, compare_endurance, measure_endurance
from ilkit.reporting.endurance_numbers import Endured, metrics_of, summary_of, tables_of
from ilkit.spec import Spec
from ilkit.stepping.contestants import on_host
from ilkit.stepping.disturbed_policy import DisturbedPolicy
from ilkit.stepping.episodes import collect_all

_Names = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(lambda given: tuple(given.items()) if isinstance(given, dict) else given),
    PlainSerializer(dict),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
]


class Disturbed(Spec):
    """What becomes of policies under noise on their actions, or pushes, of several strengths."""

    kind: Literal["disturbed"] = "disturbed"
    strengths: Annotated[tuple[NonNegativeFloat, ...], Field(min_length=2)] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """The standard deviations of what is added to actions, growing, in half ranges of these; 0 for nothing."""
    duration: PositiveInt = 1
    """For how many steps a disturbance stays the same: 1 is noise, and what lasts for more is a push."""
    threshold: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    """The return from which on an episode has survived, so that shares of these are compared; none: returns are."""
    against: _Names = ()
    """The policies that are compared, each with its reference, such as `{tuned: cloned}`; none: all with the first."""
    num_episodes: PositiveInt = 64
    """Episodes of every policy, training seed and strength, with the same starts and disturbances for all."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """The confidence of the intervals."""
    num_resamples: PositiveInt = 10_000
    """Resamples of the bootstrap."""

    @model_validator(mode="after")
    def _check(self) -> "Disturbed":
        if sorted(set(self.strengths)) != list(self.strengths):
            raise ValueError(f"strengths must grow, got {list(self.strengths)}")
        return self

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """What can't be run, or has no actions that anything can be added to."""
        if isinstance(world, RecordedEnvironment):
            yield "kind: must be one that runs nothing, such as returns, where all is recorded, got disturbed."
            return
        action = world.spaces.action
        if not (isinstance(action, Box) and np.isfinite(action.bounds).all()):
            yield "kind: must be one for these actions, and disturbed needs vectors with limits. Choose returns."

    def input_faults(self, given: Collection[str]) -> Iterator[str]:
        """Policies that aren't there to be compared."""
        names = (name for pair in self.against for name in pair)
        return unknown_faults("against", "policies that are handed over", names, given)


def evaluate(
    spec: Disturbed,
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Seeds[Policy] | None = None,
    *,
    key: PRNGKeyArray,
    **policies: Seeds[Policy],
) -> Report:
    """Disturbs the expert, if there is one, and the policies, and compares these.

    **Raises:** `DataError` where there is no policy, or not one that is to be compared; where actions are no vectors
    with limits.
    """
    if not policies:
        raise DataError("evaluate.kind disturbed needs a policy to evaluate, got none. Hand one over by its name.")
    (episodes_key, resampling_key), world = jax.random.split(key), env()
    refuse("evaluate.disturbed", [*spec.faults(world), *spec.input_faults(policies)])
    resampling = Resampling(spec.confidence, spec.num_resamples, int(jax.random.key_data(resampling_key)[-1]))
    contestants = policies if expert is None else {"expert": expert, **policies}
    found = {name: outcomes_of(spec, world, seeds, key=episodes_key) for name, seeds in contestants.items()}
    first, *others = policies
    references = dict(spec.against) or dict.fromkeys(others, first)
    from ilkit.reporting.endurance_page import page_of  # matplotlib takes longer to import than a pipeline to check

    endured = Endured(
        task=task_of(env),
        policies=tuple(policies),
        num_demonstrated=(demos.num_episodes, demos.num_counted),
        num_episodes=spec.num_episodes,
        strengths=np.asarray(spec.strengths),
        duration=spec.duration,
        threshold=spec.threshold,
        confidence=spec.confidence,
        found={name: measure_endurance(one, len(contestants[name]), resampling) for name, one in found.items()},
        leads=compare_endurance(found, references, np.asarray(spec.strengths), resampling),
    )
    return Report(metrics_of(endured), tables_of(endured), page_of(endured), summary_of(endured))


def outcomes_of(
    spec: Disturbed, world: Environment | HostEnvironment, seeds: Seeds[Policy], *, key: PRNGKeyArray
) -> Outcomes:
    """What becomes of each training seed at each strength or, of a single one, of each of its episodes."""
    scales = [strength * half_range(world) for strength in spec.strengths]
    acting = [(DisturbedPolicy.of(one, scale, spec.duration), True) for one in on_host(seeds) for scale in scales]
    runs = collect_all(world, acting, num_episodes=spec.num_episodes, key=key)
    returns = np.stack([run.returns for run in runs]).reshape(len(seeds), len(scales), spec.num_episodes)
    outcomes = returns if spec.threshold is None else (returns >= spec.threshold).astype(np.float64)
    return outcomes.mean(axis=2) if len(seeds) > 1 else outcomes[0].T


def task_of(env: Build[Environment | HostEnvironment]) -> str:
    """The task, with the settings that tell it from others of its kind."""
    fields = type(env.spec).model_fields
    changed = [
        f"{name} {value:g}" for name, value in env.spec if type(value) is float and value != fields[name].default
    ]
    return getattr(env.spec, "id", env.kind) + (f" ({', '.join(changed)})" if changed else "")


def half_range(world: Environment | HostEnvironment) -> Float[Array, "*act"]:
    """Half of what each entry of an action may range over."""
    action = world.spaces.action
    assert isinstance(action, Box)
    low, high = action.bounds
    return jnp.asarray((high - low) / 2, jnp.float32)
