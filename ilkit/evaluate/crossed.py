"""Returns of policies that differ in two ways, beside what was published: methods against amounts of data, say.

A policy called `SERIES_PLACE`, such as `gail_4`, belongs to the series `gail` at the place `4`; series are drawn over
places, on a scale where all places are numbers. The mean return is over all episodes of all training seeds, as papers
give it, its interval one over seeds.

Policies called `POLICY_of_SET`, such as `gail_1_of_second`, are one policy, `gail_1`, whose training runs learnt from
several sets of data: what is shown decides more than how it is learnt from, where it is little.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from pydantic import Field, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment, RecordedEnvironment
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.seeds import Seeds, pooled
from ilkit.errors import DataError, refuse, unknown_faults
from ilkit.math.statistics import mean
from ilkit.measuring.comparison import Resampling
from ilkit.measuring.curves import drawable, read_curves
from ilkit.measuring.published import Published, welch
from ilkit.reporting.measurements import known_outcome, measure
from ilkit.spec import Spec
from ilkit.stepping.contestants import run_with_random

if TYPE_CHECKING:
    from ilkit.reporting.crossing import Cell, Crossing


class Crossed(Spec):
    """Returns of policies that differ in two ways, such as methods and amounts of data, beside published ones."""

    kind: Literal["crossed"] = "crossed"
    num_episodes: PositiveInt = 50
    """Episodes of every policy and training seed, the same ones for all."""
    stochastic: bool = True
    """Whether policies draw their actions, rather than take the mode."""
    places: str = ""
    """What places are, as the axis calls them: demonstrated trajectories."""
    published: tuple[Published, ...] = ()
    """Numbers of a paper, by the policies of this pipeline that they are set beside."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """The confidence of the intervals."""
    num_resamples: PositiveInt = 10_000
    """Resamples of the bootstrap."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """What can't be acted in."""
        if isinstance(world, RecordedEnvironment):
            yield "kind: must be one for recordings, and crossed runs policies. Choose returns."

    def input_faults(self, given: Collection[str]) -> Iterator[str]:
        """Published numbers of policies that aren't there."""
        known, names = {_policy_of(name) for name in given}, (one.policy for one in self.published)
        return unknown_faults("published", "policies that are handed over", names, known)


def evaluate(
    spec: Crossed,
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Seeds[Policy] | None = None,
    *,
    key: PRNGKeyArray,
    **policies: Seeds[Policy],
) -> Report:
    """Runs all policies, the expert and a random one, and holds them against what was published.

    **Raises:** `DataError` where there is no policy, nothing to act in, or a published number of a policy that isn't
    there.
    """
    del demos
    if not policies:
        raise DataError("evaluate.kind crossed needs policies to evaluate, got none. Hand them over by their names.")
    learnt = _pooled(policies)
    known = learnt if expert is None else {"expert": expert, **learnt}
    world = env()
    refuse("evaluate.crossed", (*spec.faults(world), *spec.input_faults(known)))
    from ilkit.reporting.crossed_page import page_of  # matplotlib is slow to import
    from ilkit.reporting.crossing import metrics_of, summary_of, tables_of

    crossing = _crossing(spec, getattr(env.spec, "id", env.kind), world, known, key=key)
    return Report(metrics_of(crossing), tables_of(crossing), page_of(crossing), summary_of(crossing))


def _policy_of(name: str) -> str:
    """The policy that one of a set of data belongs to."""
    return name.partition("_of_")[0]


def _pooled(policies: Mapping[str, Seeds[Policy]]) -> dict[str, Seeds[Policy]]:
    """The policies, those of several sets of data as one."""
    sets: dict[str, dict[str, Seeds[Policy]]] = {}
    for name, seeds in policies.items():
        sets.setdefault(_policy_of(name), {})[name] = seeds
    try:
        return {
            name: pooled([*parts.values()]) if len(parts) > 1 else next(iter(parts.values()))
            for name, parts in sets.items()
        }
    except ValueError as error:
        raise DataError(
            "evaluate.kind crossed takes policies called POLICY_of_SET for one that learnt from several sets of data, "
            f"and these differ by more: {error}. Choose the same kinds and settings, or other names."
        ) from error


def _crossing(
    spec: Crossed,
    task: str,
    world: Environment | HostEnvironment,
    known: Mapping[str, Seeds[Policy]],
    *,
    key: PRNGKeyArray,
) -> "Crossing":
    from ilkit.reporting.crossing import REFERENCES, Crossing

    episodes_key, resampling_key = jax.random.split(key)
    runs = run_with_random(world, known, spec.num_episodes, stochastic=spec.stochastic, key=episodes_key)
    outcome = known_outcome(runs)
    resampling = Resampling(spec.confidence, spec.num_resamples, int(jax.random.key_data(resampling_key)[-1]))
    published = {one.policy: one for one in spec.published}
    cells = {
        name: _cell(measure(found, outcome).outcomes, published.get(name), resampling) for name, found in runs.items()
    }
    curves = {name: drawable(read_curves(seeds, resampling)) for name, seeds in known.items() if name not in REFERENCES}
    return Crossing(task, outcome, spec.places, spec.num_episodes, spec.stochastic, spec.confidence, cells, curves)


def _cell(outcomes: Float[np.ndarray, "seeds episodes"], published: Published | None, resampling: Resampling) -> "Cell":
    from ilkit.reporting.crossing import Cell

    units = outcomes.mean(axis=1) if len(outcomes) > 1 else outcomes[0]
    p = None if published is None else welch(outcomes, published)
    return Cell(outcomes, resampling.interval(units, mean), published, p)
