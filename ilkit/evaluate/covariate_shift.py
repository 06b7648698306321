"""Covariate shift: how far the states of clones are from those that were demonstrated, from where, and what it does.

Along the steps of an episode, the energy distance between the states of a policy's episodes and those of a reference is
tested by permutations of whole episodes. The reference are fresh episodes of the expert, if it is handed over, or else
those `held_out` or demonstrated. A map shows where episodes leave what the reference has seen. Where there is an expert
to ask, its answers at the states that the policy visits show the error there, beside that at its own states: the
difference is what the shift does to a clone (Ross and Bagnell, Efficient Reductions for Imitation Learning, 2010). With
an `uncertainty`, whether that is larger where the policy goes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.environment import Environment, HostEnvironment, RecordedEnvironment
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.seeds import Seeds
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import DataError, refuse
from ilkit.measuring.shift import (
    Errors,
    Shift,
    States,
    action_error,
    action_scale,
    doubt_at,
    mean_over_episodes,
    measure_shift,
    standardized,
    states_at,
    times_of,
)
from ilkit.reporting.shift_numbers import Doubts, Places, Shifts, Source, metrics_of, summary_of, tables_of
from ilkit.spec import Spec
from ilkit.stepping.episode_arrays import Episodes
from ilkit.stepping.episodes import collect_episodes


class CovariateShift(Spec):
    """How far the states of policies are from the expert's, along the steps of an episode, and where errors start."""

    kind: Literal["covariate_shift"] = "covariate_shift"
    num_episodes: Annotated[int, Field(ge=2)] = 32
    """Episodes of every policy and training seed, and of the expert, each from a state of its own."""
    num_times: Annotated[int, Field(ge=2)] = 33
    """Steps of an episode at which states are compared, evenly spaced from the first to the last."""
    num_permutations: Annotated[int, Field(ge=19)] = 999
    """Random splits of the episodes, which the distance is compared with."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """How sure a shift has to be."""
    map_dims: tuple[NonNegativeInt, NonNegativeInt] = (0, 1)
    """The two entries of the observation that the map spans."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """What can't be run, splits that can't be sure, and entries that the map asks for and that aren't there."""
        if isinstance(world, RecordedEnvironment):
            yield "kind: must be one that runs nothing, such as returns, where all is recorded, got covariate_shift."
            return
        size = world.spaces.observation.size
        if size >= 2 and (max(self.map_dims) >= size or len(set(self.map_dims)) < 2):
            yield f"map_dims: must be two different entries from 0 to {size - 1}, got {list(self.map_dims)}."
        if (self.num_permutations + 1) * (1.0 - self.confidence) < 1.0 - 1e-9:
            yield f"num_permutations: must be 1 / (1 - confidence) or more, got {self.num_permutations}."


class _Runs(NamedTuple):
    """The episodes of a policy, one run for each training seed."""

    policies: Sequence[Policy]
    episodes: Sequence[Episodes]

    def demonstrations(self) -> Demonstrations:
        """All of them."""
        return concatenate([run.demonstrations() for run in self.episodes])


def evaluate(
    spec: CovariateShift,
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Seeds[Policy] | None = None,
    uncertainty: Seeds[Uncertainty] | None = None,
    held_out: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
    **policies: Seeds[Policy],
) -> Report:
    """Runs the policies, and the expert if there is one, and compares what they visit.

    **Raises:** `DataError` where the reference has a single episode.
    """
    if not policies:
        raise DataError("evaluate.kind covariate_shift needs a policy, got none. Hand one over by its name.")
    (policies_key, expert_key, splits_key), world = jax.random.split(key, 3), env()
    refuse("evaluate.covariate_shift", spec.faults(world))
    runs = {name: _run(spec, world, seeds, key=policies_key) for name, seeds in policies.items()}
    asked = None if expert is None else _run(spec, world, expert, key=expert_key)
    source, reference = _reference(demos, held_out, asked)
    visited = {name: run.demonstrations() for name, run in runs.items()}
    times = times_of(max(int(one.lengths.max()) for one in (reference, *visited.values())), spec.num_times)
    known, states = states_at(reference, times), {name: states_at(one, times) for name, one in visited.items()}
    shifts = _shifts(spec, known, states, times, int(jax.random.key_data(splits_key)[-1]))
    findings = Shifts(
        task=getattr(env.spec, "id", env.kind),
        source=source,
        num_reference=reference.num_episodes,
        num_episodes={name: one.num_episodes for name, one in visited.items()},
        confidence=spec.confidence,
        times=times,
        shifts=shifts,
        errors={} if asked is None else {name: _errors(world, run, asked) for name, run in runs.items()},
        doubts=None if uncertainty is None else _doubts(uncertainty, visited, reference, times),
        places=_places(spec, known, states, shifts, times),
        returns={name: float(np.nan_to_num(one.returns).mean()) for name, one in visited.items()},
    )
    return _report(findings)


def _report(findings: Shifts) -> Report:
    from ilkit.reporting.shift_page import page_of  # matplotlib takes longer to import than a pipeline to check

    return Report(metrics_of(findings), tables_of(findings), page_of(findings), summary_of(findings))


def _run(
    spec: CovariateShift, world: Environment | HostEnvironment, seeds: Seeds[Policy], *, key: PRNGKeyArray
) -> _Runs:
    """Each seed in episodes of its own, for those of a permutation must be independent."""
    policies = list(Seeds(jax.tree.map(np.asarray, seeds.stacked), {}, seeds.num_seeds))
    count = spec.num_episodes
    runs = [
        collect_episodes(world, policy, num_episodes=count, key=key, first_episode=seed * count)
        for seed, policy in enumerate(policies)
    ]
    return _Runs(policies, runs)


def _reference(
    demos: Demonstrations, held_out: Demonstrations | None, asked: _Runs | None
) -> tuple[Source, Demonstrations]:
    """What states are compared with: best what is as fresh as the policies' episodes are."""
    source: Source = "demos" if held_out is None else "held_out"
    found = demos if held_out is None else held_out
    if asked is not None:
        source, found = "expert", asked.demonstrations()
    if found.num_episodes < 2:
        raise DataError(
            "States must be compared with those of two episodes at least, got 1. Record more, or hand over the expert."
        )
    return source, found


def _shifts(
    spec: CovariateShift,
    reference: States,
    states: Mapping[str, States],
    times: Int[np.ndarray, " times"],
    seed: int,
) -> dict[str, Shift]:
    known, *visited = standardized(reference, *states.values())
    return {
        name: measure_shift(
            known, each, times, num_permutations=spec.num_permutations, confidence=spec.confidence, seed=seed
        )
        for name, each in zip(states, visited, strict=True)
    }


def _doubts(
    uncertainty: Seeds[Uncertainty],
    visited: Mapping[str, Demonstrations],
    reference: Demonstrations,
    times: Int[np.ndarray, " times"],
) -> Doubts:
    found = {name: doubt_at(uncertainty, one, times) for name, one in visited.items()}
    return Doubts(found, doubt_at(uncertainty, reference, times))


def _errors(world: Environment | HostEnvironment, run: _Runs, asked: _Runs) -> Errors:
    """The expert's first seed answers what a policy should have done, and shows where it is asked the same."""
    expert, shown = asked.policies[0], asked.episodes[0]
    space, scale = world.spaces.action, action_scale(shown.demonstrations())
    own = [
        (action_error(one.intended, _answers(expert, one, world.max_steps), space, scale), one.lengths)
        for one in run.episodes
    ]
    expert_s = [
        (action_error(_answers(policy, shown, world.max_steps), shown.intended, space, scale), shown.lengths)
        for policy in run.policies
    ]
    return Errors(mean_over_episodes(own), mean_over_episodes(expert_s))


def _answers(policy: Policy, run: Episodes, max_steps: int) -> np.ndarray:
    """What a policy would have done at each step of episodes, of which it sees all before."""
    steps = run.rewards.shape[1]

    def padded(rows: np.ndarray) -> np.ndarray:
        return np.pad(rows[:, :-1], [(0, 0), (0, max_steps - steps), *[(0, 0)] * (rows.ndim - 2)])

    return np.asarray(_modes_along(policy, jax.tree.map(padded, run.obs)))[:, :steps]


@eqx.filter_jit
def _modes_along(policy: Policy, obs: PyTree) -> Array:
    def along(obs: PyTree) -> Array:
        return jax.lax.scan(lambda carry, obs: policy.mode(carry, obs), policy.initial_carry(), obs)[1]

    return jax.vmap(along)(obs)


def _places(
    spec: CovariateShift,
    reference: States,
    states: Mapping[str, States],
    shifts: Mapping[str, Shift],
    times: Int[np.ndarray, " times"],
) -> Places | None:
    """What a map shows; none of observations with a single entry."""
    if reference.shape[2] < 2:
        return None
    dims = list(spec.map_dims)
    left = {}
    for name, shift in shifts.items():
        leaving = np.flatnonzero(np.isfinite(shift.departures.step))
        at = np.searchsorted(times, shift.departures.step[leaving])
        left[name] = states[name][leaving, at][:, dims]
    flat = {name: each[..., dims].reshape(-1, 2) for name, each in states.items()}
    return Places(spec.map_dims, reference[..., dims].reshape(-1, 2), flat, left)
