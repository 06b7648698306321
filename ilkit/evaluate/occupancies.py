"""What policies visit and rewards are worth, calculated from an environment's tables, as pictures of the grid.

Nothing is simulated. Of each policy: how often an episode acts in each state, the share of its steps that it takes
elsewhere than the demonstrations do (their total variation distance), its mean return, and the likelihood of what was
demonstrated. Of each reward, in this environment: its correlation with the true reward, and what the best policy for it
is paid, between random actions and the best policy. An environment that was changed so tells which reward is of use in
it.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from pydantic import Field, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment, Mapped
from ilkit.data.known_dynamics import TabularForm
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.reward import Reward
from ilkit.data.seeds import Seeds
from ilkit.data.tabular import Tabular, tabular_faults
from ilkit.errors import DataError, refuse
from ilkit.measuring.comparison import Resampling
from ilkit.measuring.walks import Ground, Taught, Walk, demonstrated, ground_of, taught_by, walk_of
from ilkit.spec import Spec


class Occupancies(Spec):
    """What policies visit and learnt rewards are worth, calculated, as pictures of the grid."""

    kind: Literal["occupancies"] = "occupancies"
    stochastic: bool = True
    """Whether policies sample their actions, rather than take their modes."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """The confidence of the intervals."""
    num_resamples: PositiveInt = 10_000
    """Resamples of the bootstrap."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """What has no tables, or wrong ones."""
        if not (isinstance(world, Environment) and isinstance(world, TabularForm)):
            yield (
                "kind: must be one for this environment, and occupancies needs one whose transitions are known as a "
                "table. Choose returns, or an env.kind with tables: grid_world."
            )
            return
        yield from (f"env: {fault}" for fault in tabular_faults(world.tabular()))


def evaluate(
    spec: Occupancies,
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Seeds[Policy] | None = None,
    *,
    key: PRNGKeyArray,
    **learnt: Seeds[Policy] | Seeds[Reward],
) -> Report:
    """Calculates what the policies visit, and what the best policies for the rewards are paid.

    **Raises:** `DataError` where nothing was handed over, the environment has no tables, spaces differ, or a policy has
    a memory or samples without a density.
    """
    if not learnt:
        raise DataError("evaluate.kind occupancies needs a policy or a reward, got none. Hand one over by its name.")
    world = env()
    refuse("evaluate.occupancies", spec.faults(world))
    assert isinstance(world, Environment)
    assert isinstance(world, TabularForm)
    resampling = Resampling(spec.confidence, spec.num_resamples, int(jax.random.key_data(key)[-1]))
    ground = ground_of(world.spaces, world.tabular(), demos)
    walks = _walks(spec, ground, learnt if expert is None else {"expert": expert, **learnt}, resampling)
    from ilkit.reporting.occupancy_numbers import Occupied, metrics_of, summary_of, tables_of
    from ilkit.reporting.occupancy_page import page_of  # matplotlib takes longer to import than all this to calculate

    places = _places(world, ground.tabular)
    found = Occupied(
        task=getattr(env.spec, "id", env.kind),
        names=tuple(learnt),
        walks=walks,
        taught=_taught(ground, learnt, resampling),
        ground=ground,
        places=places,
        steps=_steps(ground.tabular, places),
        num_demonstrated=(demos.num_episodes, demos.num_steps),
        num_seeds=min(map(len, learnt.values())),
        confidence=spec.confidence,
    )
    return Report(metrics_of(found), tables_of(found), page_of(found), summary_of(found))


def _walks(
    spec: Occupancies, ground: Ground, learnt: Mapping[str, Seeds[Policy] | Seeds[Reward]], resampling: Resampling
) -> dict[str, Walk]:
    """What was demonstrated, and what the policies visit."""
    return {"demonstrated": demonstrated(ground)} | {
        name: walk_of(ground, one, stochastic=spec.stochastic, resampling=resampling)
        for name, one in learnt.items()
        if isinstance(one.stacked, Policy)
    }


def _taught(
    ground: Ground, learnt: Mapping[str, Seeds[Policy] | Seeds[Reward]], resampling: Resampling
) -> dict[str, Taught]:
    """What the rewards are worth."""
    return {
        name: taught_by(ground, one, resampling=resampling)
        for name, one in learnt.items()
        if isinstance(one.stacked, Reward)
    }


def _places(world: Environment, tabular: Tabular) -> Float[np.ndarray, "observed 2"]:
    """Where what is observed lies on the environment's map, or side by side where it has none."""
    observed = len(jax.tree.leaves(tabular.observations)[0])
    if isinstance(world, Mapped):
        return np.asarray(jax.vmap(world.position)(tabular.observations))
    return np.stack([np.arange(observed), np.zeros(observed)], axis=1)


def _steps(tabular: Tabular, places: Float[np.ndarray, "observed 2"]) -> Float[np.ndarray, "observed actions 2"]:
    """How far each action leads from there, on average; an end leads nowhere."""
    chances = np.asarray(tabular.transitions)[: len(places), :, : len(places)]
    return np.einsum("sap,pd->sad", chances, places) - chances.sum(axis=-1)[..., None] * places[:, None]
