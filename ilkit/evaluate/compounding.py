"""How errors compound: the cost of policies against the horizon, beside what is calculated (Ross and Bagnell, 2010).

A clone that errs with probability ε at the expert's states costs up to ε T² over T steps; with labels of the states
that it visits, O(ε T), unless an error can't be undone. The report shows costs on logarithmic axes, with the exact
curves where the environment can calculate them, and the exponent of each policy. That the square is no law of nature:
with the log loss, clones of bounded cost have errors that don't depend on the horizon (Foster et al., Is Behavior
Cloning All You Need?, 2024).
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import jax
import numpy as np
from jaxtyping import PRNGKeyArray
from pydantic import Field, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment, RecordedEnvironment
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.seeds import Seeds
from ilkit.errors import DataError, refuse
from ilkit.measuring.comparison import Resampling
from ilkit.measuring.growth import Costs, Growth, compare_costs, exact_costs, measure_growth
from ilkit.reporting.growth_numbers import Growths, metrics_of, summary_of, tables_of
from ilkit.spec import Spec
from ilkit.stepping.reward_sums import sum_rewards

_BLOCKS = 32
"""Of episodes, that take the place of training seeds where there is but one."""


class Compounding(Spec):
    """The cost of policies against the horizon, on logarithmic axes, with exact curves where there are any."""

    kind: Literal["compounding"] = "compounding"
    horizons: Annotated[tuple[PositiveInt, ...], Field(min_length=2)] = (10, 20, 50, 100)
    """Numbers of steps from the start of an episode, growing, within which costs are summed."""
    num_episodes: PositiveInt = 4096
    """Episodes of every policy and training seed; each seed has its own, the same ones for all policies."""
    stochastic: bool = False
    """Whether the policies sample their actions instead of taking the mode, of which alone exact costs are known."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """The confidence of the intervals."""
    num_resamples: PositiveInt = 10_000
    """Resamples of the bootstrap."""

    @model_validator(mode="after")
    def _check(self) -> "Compounding":
        if sorted(set(self.horizons)) != list(self.horizons):
            raise ValueError(f"horizons must grow, got {list(self.horizons)}")
        return self

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """What can't be run, or not for so long."""
        if isinstance(world, RecordedEnvironment):
            yield "kind: must be one that runs nothing, such as returns, where all is recorded, got compounding."
        elif self.horizons[-1] > world.max_steps:
            yield (
                f"horizons: must be max_steps of the environment at most ({world.max_steps}), got {self.horizons[-1]}."
            )


def evaluate(
    spec: Compounding,
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Seeds[Policy] | None = None,
    *,
    key: PRNGKeyArray,
    **policies: Seeds[Policy],
) -> Report:
    """Runs the expert, if there is one, and the policies, and fits the exponents of their costs.

    **Raises:** `DataError` where the environment rewards, or ends before the longest horizon.
    """
    if not policies:
        raise DataError("evaluate.kind compounding needs a policy to evaluate, got none. Hand one over by its name.")
    (episodes_key, resampling_key), world = jax.random.split(key), env()
    refuse("evaluate.compounding", spec.faults(world))
    resampling = Resampling(spec.confidence, spec.num_resamples, int(jax.random.key_data(resampling_key)[-1]))
    contestants = policies if expert is None else {"expert": expert, **policies}
    found = {name: _growth(spec, world, seeds, resampling, key=episodes_key) for name, seeds in contestants.items()}
    growths = Growths(
        task=getattr(env.spec, "id", env.kind),
        policies=tuple(policies),
        num_seeds={name: len(seeds) for name, seeds in contestants.items()},
        num_episodes=spec.num_episodes,
        num_demonstrated=(demos.num_episodes, demos.num_counted),
        confidence=spec.confidence,
        horizons=np.asarray(spec.horizons),
        growths=found,
        ratios=compare_costs({name: found[name] for name in policies}, resampling),
    )
    from ilkit.reporting.growth_page import page_of  # matplotlib takes longer to import than a pipeline to check

    return Report(metrics_of(growths), tables_of(growths), page_of(growths), summary_of(growths))


def costs_within(
    spec: Compounding, world: Environment | HostEnvironment, policies: Sequence[Policy], *, key: PRNGKeyArray
) -> Costs:
    """What the policies of the training seeds cost; each seed runs episodes of its own, the same for all names.

    A cost is the opposite of a reward. An episode that has ended costs no more.

    **Raises:** `DataError` where costs are negative.
    """
    horizons = np.asarray(spec.horizons)
    found = [
        -sum_rewards(
            world,
            policy,
            horizons,
            num_episodes=spec.num_episodes,
            stochastic=spec.stochastic,
            key=jax.random.fold_in(key, seed),
        ).astype(np.float64)
        for seed, policy in enumerate(policies)
    ]
    lowest = min(float(np.diff(costs, axis=1, prepend=0.0).min()) for costs in found)
    if lowest < 0:
        raise DataError(
            f"Costs must not be negative, but within a horizon rewards sum up to {-lowest:.3g}. Choose evaluate.kind "
            "returns, or an environment whose rewards are 0 or less."
        )
    blocks = found if len(found) > 1 else np.array_split(found[0], min(_BLOCKS, spec.num_episodes))
    return np.stack([episodes.mean(axis=0) for episodes in blocks])


def _growth(
    spec: Compounding,
    world: Environment | HostEnvironment,
    seeds: Seeds[Policy],
    resampling: Resampling,
    *,
    key: PRNGKeyArray,
) -> Growth:
    policies = list(Seeds(jax.tree.map(np.asarray, seeds.stacked), {}, seeds.num_seeds))
    horizons = np.asarray(spec.horizons)
    exact = None if spec.stochastic else exact_costs(world, policies, horizons)
    return measure_growth(costs_within(spec, world, policies, key=key), exact, horizons, resampling)
