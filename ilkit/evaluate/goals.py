"""How well policies reach the goals that they are told: from where to where, how directly, and where they get stuck.

Every policy and training seed is told the same goals from the same starts. Success is to be within the tolerance of the
goal, at any time or at the end; steps to the goal are held against the shortest way where the environment knows it
(SPL; Anderson et al., On evaluation of embodied navigation agents, 2018).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Literal

import jax
import numpy as np
from jaxtyping import PRNGKeyArray
from pydantic import Field, NonNegativeFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import (
    ChangingGoals,
    Environment,
    GoalReaching,
    HeldOutPairs,
    HostEnvironment,
    RecordedEnvironment,
)
from ilkit.data.goal_entries import goal_faults, warn_of_tolerance
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Spaces
from ilkit.errors import DataError, refuse, unknown_faults
from ilkit.math.statistics import mean
from ilkit.measuring.comparison import Resampling
from ilkit.measuring.curves import Curve
from ilkit.measuring.goals import Attempts, Tasks, by_distance, score, stacked
from ilkit.measuring.published import PublishedShare
from ilkit.nn.unclocked_policy import fitting
from ilkit.reporting.goal_numbers import Reached, metrics_of, summary_of, tables_of
from ilkit.reporting.goal_runs import (
    Failures,
    Places,
    attempts_in,
    check_same,
    failures_in,
    places_of,
    tasks_of,
    warn_of_leaks,
)
from ilkit.spec import Spec
from ilkit.stepping.contestants import run_contestants
from ilkit.stepping.episode_arrays import Episodes
from ilkit.stepping.random_policy import RandomPolicy

_REFERENCES = ("expert", "random")
_NUM_GROUPS = 6
SAMPLED = "_sampled"
"""What the name of a policy ends with that draws its actions beside one that takes the mode."""


class Goals(Spec):
    """Success, steps and distance of policies that are told goals, by pairs of start and goal, and on a map."""

    kind: Literal["goals"] = "goals"
    num_episodes: PositiveInt = 256
    """Episodes of every policy and training seed, the same starts and goals for all."""
    acting: Literal["mode", "samples", "both"] = "mode"
    """Whether policies take the mode, draw their actions, or both, one after the other."""
    counts: Literal["ever", "at_end"] = "ever"
    """What counts as success: to be at the goal at any time, or when the episode ends."""
    tolerance: NonNegativeFloat | None = None
    """How far from the goal counts as reached, in units of goals; none: what the environment says."""
    held_out: bool = False
    """Whether pairs that the environment holds out are told apart from the others."""
    published: tuple[PublishedShare, ...] = ()
    """Numbers of a paper, by the policies of this pipeline that they are set beside."""
    source: str = ""
    """Where these were published, as the page cites it."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """The confidence of the intervals."""
    num_resamples: PositiveInt = 10_000
    """Resamples of the bootstrap."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """What can't be run, has no goals, doesn't say when they are reached, or holds no pairs out."""
        if isinstance(world, RecordedEnvironment):
            yield "kind: must be one for recordings, and goals runs policies. Choose returns."
            return
        yield from (f"env: {fault}" for fault in goal_faults(world.spaces.observation))
        if isinstance(world, ChangingGoals) and world.changes_goals:
            yield "env: must tell one goal an episode, got another one at each. Set its at_goal to terminate or stay."
        if self.tolerance is None and not isinstance(world, GoalReaching):
            yield "tolerance: must be given where the environment doesn't say what counts as reached, got none."
        if self.held_out and not isinstance(world, HeldOutPairs):
            yield (
                "held_out: must be false where the environment holds no pairs out, got true. Choose env.kind "
                "point_maze, or set it to false."
            )

    def recording_faults(self, spaces: Spaces) -> Iterator[str]:
        """Recordings without goals: nobody could say which of these are held out, or what was shown."""
        yield from goal_faults(spaces.observation)

    def input_faults(self, given: Collection[str]) -> Iterator[str]:
        """No policies, names that mean something else, and published numbers of policies that aren't there."""
        named = set(given) - {"env", "demos", "expert"}
        sampled = {f"{name}{SAMPLED}" for name in named} if self.acting == "both" else set()
        if not named:
            yield "policies: must be handed over by names of their own, got none. Write NAME=... in the pipeline."
        for name in sorted(named & {"random", *sampled}):
            yield f"{name}: is another policy on the page. Hand yours over by another name."
        names = (one.policy for one in self.published)
        yield from unknown_faults("published", "policies that are handed over", names, given)


def evaluate(
    spec: Goals,
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Seeds[Policy] | None = None,
    *,
    key: PRNGKeyArray,
    **policies: Seeds[Policy],
) -> Report:
    """Tells all policies the same goals, the expert, if there is one, and random actions beside them.

    **Raises:** `DataError` where there is no policy, environment or recordings have no goals, or the goal of an episode
    changes.
    """
    _check_names(spec, policies)
    world = env()
    refuse("evaluate.goals", (*spec.faults(world), *spec.input_faults(policies)))
    refuse("evaluate.goals", (f"demos: {fault}" for fault in spec.recording_faults(demos.spaces)))
    if spec.tolerance == 0:
        warn_of_tolerance(0.0, world.spaces.observation)
    from ilkit.reporting.goal_page import page_of  # matplotlib is slow to import

    if spec.held_out:
        warn_of_leaks(world, demos)
    contestants = _contestants(spec, world, expert, policies)
    reached = _reached(spec, getattr(env.spec, "id", env.kind), world, contestants, key=key)
    return Report(metrics_of(reached), tables_of(reached), page_of(reached), summary_of(reached))


def _check_names(spec: Goals, policies: Mapping[str, Seeds[Policy]]) -> None:
    taken = {*_REFERENCES, *(f"{name}{SAMPLED}" for name in policies if spec.acting == "both")}
    if not policies or taken & set(policies):
        raise DataError(
            f"evaluate.kind goals takes policies by names other than {', '.join(sorted(taken))}, got "
            f"{', '.join(policies) or 'none'}. Hand one over by a name of its own."
        )


def _contestants(
    spec: Goals,
    world: Environment | HostEnvironment,
    expert: Seeds[Policy] | None,
    policies: Mapping[str, Seeds[Policy]],
) -> dict[str, tuple[Seeds[Policy], bool]]:
    """All who act, by the name that they have on the page, and whether they draw their actions."""
    found = {} if expert is None else {"expert": (expert, False)}
    for name, seeds in policies.items():
        if spec.acting != "samples":
            found[name] = (seeds, False)
        if spec.acting == "samples" or (spec.acting == "both" and seeds.stacked.is_stochastic):
            found[name if spec.acting == "samples" else f"{name}{SAMPLED}"] = (seeds, True)
    random = jax.tree.map(lambda leaf: leaf[None], RandomPolicy.of(world.spaces))
    return {**found, "random": (Seeds(random, {}, 1), True)}


def _reached(
    spec: Goals,
    task: str,
    world: Environment | HostEnvironment,
    contestants: Mapping[str, tuple[Seeds[Policy], bool]],
    *,
    key: PRNGKeyArray,
) -> Reached:
    episodes_key, resampling_key = jax.random.split(key)
    resampling = Resampling(spec.confidence, spec.num_resamples, int(jax.random.key_data(resampling_key)[-1]))
    told = _Telling(spec, world)
    for name, (seeds, draws) in contestants.items():
        told.to(name, seeds, draws, key=episodes_key)
    tasks, attempts = told.tasks, told.attempts
    assert tasks is not None
    along = {
        name: _along(seeds, told.kept[name], attempts[name], spec.counts, resampling)
        for name, (seeds, _) in contestants.items()
        if told.kept[name]
    }
    hits = {name: one.succeeded(spec.counts) for name, one in attempts.items()}
    return Reached(
        task=task,
        acting=spec.acting,
        counts=spec.counts,
        tolerance=told.tolerance,
        confidence=spec.confidence,
        tasks=tasks,
        attempts=attempts,
        hits=hits,
        scores={name: score(tasks, one, spec.counts, resampling) for name, one in attempts.items()},
        along_training=along,
        along_distance={name: by_distance(tasks, one, _NUM_GROUPS, resampling) for name, one in hits.items()},
        places=told.places,
        failures=told.failures,
        published={one.policy: one for one in spec.published},
        source=spec.source,
    )


class _Telling:
    """Tells policies their goals, one after the other, and keeps of their episodes only what the page needs."""

    def __init__(self, spec: Goals, world: Environment | HostEnvironment) -> None:
        self.spec, self.world = spec, world
        told = world.goal_tolerance if spec.tolerance is None else spec.tolerance  # type: ignore[union-attr]
        self.tolerance = float(told)
        self.tasks: Tasks | None = None
        self.places: Places | None = None
        self.attempts: dict[str, Attempts] = {}
        self.failures: dict[str, Failures] = {}
        self.kept: dict[str, list[Attempts]] = {}
        """Of what was kept along training."""

    def to(self, name: str, seeds: Seeds[Policy], draws: bool, *, key: PRNGKeyArray) -> None:
        """Runs all seeds of a policy, and what was kept of them along training."""
        runs = self._run(seeds, draws, key=key)
        self.attempts[name] = attempts = self._attempts(runs)
        kept = () if draws and self.spec.acting == "both" else seeds.snapshots or ()
        self.kept[name] = [self._attempts(self._run(one, draws, key=key)) for one in kept]
        if self.places is not None:
            success = attempts.succeeded(self.spec.counts)
            seed = int(np.argsort(success.mean(axis=1), kind="stable")[(len(success) - 1) // 2])
            self.failures[name] = failures_in(self.world, runs[seed], success[seed])._replace(seed=seed)

    def _run(self, seeds: Seeds[Policy], draws: bool, *, key: PRNGKeyArray) -> list[Episodes]:
        acting, sampled = {"": fitting(seeds, self.world.spaces)}, ("",) if draws else ()
        return run_contestants(self.world, acting, self.spec.num_episodes, sampled=sampled, key=key)[""]

    def _attempts(self, runs: list[Episodes]) -> Attempts:
        if self.tasks is None:
            self.tasks = tasks_of(self.world, runs[0], held_out=self.spec.held_out)
            self.places = places_of(self.world, runs[0])
        for run in runs:
            check_same(self.tasks, run)
        return stacked([attempts_in(run, self.tolerance) for run in runs])


def _along(seeds: Seeds[Policy], kept: Sequence[Attempts], end: Attempts, counts: str, resampling: Resampling) -> Curve:
    """The success of every seed from the start of training to its end."""
    assert seeds.snapshots is not None
    rows = np.stack([one.succeeded(counts).mean(axis=1) for one in (*kept, end)], axis=1)
    unit = "env_steps" if "env_steps" in seeds.curves else "step"
    before = seeds.snapshots.env_steps if unit == "env_steps" else seeds.snapshots.steps
    steps = np.append(before, seeds.curves[unit][-1]).astype(float)
    return Curve(unit, steps, rows, mean(rows.T), resampling.interval(rows.T, mean))
