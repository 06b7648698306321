"""Hindsight as more data: every step once more, with a goal that its episode did achieve.

For algorithms that know nothing of goals (Andrychowicz et al., Hindsight experience replay, 2017). Each step that is
relabeled becomes an episode of its own, for the goal must be the same in an observation and in the next one: as rows of
one episode, every step would lead to an observation with the goal of another. Rewards are those of the new goal.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int, PRNGKeyArray
from pydantic import Field, NonNegativeFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.environment import Environment, GoalReaching, HostEnvironment, RecordedEnvironment
from ilkit.data.goal_entries import ACHIEVED, goal_faults, warn_of_tolerance
from ilkit.errors import refuse
from ilkit.fitting.goals import draw_offset, warn_of_intentions, warn_of_single_steps, with_goal
from ilkit.spec import Spec


class Relabel(Spec):
    """Steps with goals that their episodes achieved later, each an episode of its own (Andrychowicz et al., 2017)."""

    kind: Literal["relabel"] = "relabel"
    strategy: Literal["uniform", "geometric", "final", "random"] = "uniform"
    """Which state is the goal: any that lies ahead alike, near ones rather, the last one, or one of another episode."""
    discount: Annotated[float, Field(gt=0, le=0.9999)] = 0.99
    """γ: how near geometric goals are."""
    horizon: PositiveInt | None = None
    """The most steps ahead that a goal lies; none: the end of the episode."""
    num_copies: PositiveInt = 1
    """How many goals each step gets."""
    keep_original: bool = True
    """Whether the episodes that were recorded stay, with their own goals."""
    tolerance: NonNegativeFloat | None = None
    """How far from the goal counts as reached, and is rewarded by 1; none: what the environment says."""

    def idle(self) -> dict[str, str]:
        """What other strategies read."""
        found = {} if self.strategy == "geometric" else {"discount": "strategy is geometric"}
        ahead = self.strategy in ("uniform", "geometric")
        return found if ahead else {**found, "horizon": "strategy is uniform or geometric"}

    def length_faults(self, longest: int) -> Iterator[str]:
        """Goals that lie further ahead than every episode."""
        if self.horizon is not None and self.horizon > longest:
            yield f"horizon: must be at most the steps of the longest episode, {longest}, got {self.horizon}."

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """An environment without goals, but for recordings, which have some or not; and what counts is unknown."""
        if not isinstance(world, RecordedEnvironment):
            yield from (f"env: {fault}" for fault in goal_faults(world.spaces.observation))
        if self.tolerance is None and not isinstance(world, GoalReaching):
            yield "tolerance: must be given where the environment doesn't say what counts as reached, got none."


def augment(
    spec: Relabel, env: Build[Environment | HostEnvironment], demos: Demonstrations, *, key: PRNGKeyArray
) -> Demonstrations:
    """Appends the steps with other goals, or leaves these alone.

    **Raises:** `DataError` where there are no goals, or no state to be one.
    """
    world = env()
    found = (*spec.faults(world), *spec.length_faults(int(demos.lengths.max())))
    refuse("augment.relabel", (*found, *(f"demos: {fault}" for fault in _demo_faults(spec, demos))))
    warn_of_intentions(demos)
    warn_of_single_steps(demos)
    tolerance = spec.tolerance
    if tolerance is None:
        assert isinstance(world, GoalReaching)
        tolerance = float(world.goal_tolerance)
    warn_of_tolerance(tolerance, demos.spaces.observation)
    rows = np.tile(np.arange(demos.num_steps), spec.num_copies)
    max_steps = world.max_steps or int(demos.lengths.max())
    relabeled = _relabeled(demos, rows, *_goals(spec, demos, rows, key=key), max_steps, tolerance)
    return concatenate([demos, relabeled]) if spec.keep_original else relabeled


def _demo_faults(spec: Relabel, demos: Demonstrations) -> Iterator[str]:
    yield from goal_faults(demos.spaces.observation)
    if spec.strategy == "random" and demos.num_episodes < 2:
        yield "must have another episode to take goals from, got one alone. Choose another strategy."


def _goals(
    spec: Relabel, demos: Demonstrations, rows: Int[np.ndarray, " rows"], *, key: PRNGKeyArray
) -> tuple[Int[np.ndarray, " rows"], Int[np.ndarray, " rows"] | None]:
    """The places of the goals among the observations, and how many steps ahead they lie, where they lie ahead."""
    episodes = demos.episode_of(rows)
    if spec.strategy == "random":
        own, starts = demos.lengths[episodes].astype(np.int64), demos.starts[episodes]
        drawn = np.asarray(jax.random.randint(key, rows.shape, 0, jnp.asarray(demos.num_steps - own)), np.int64)
        others = np.where(drawn >= starts, drawn + own, drawn)
        return others + demos.episode_of(others) + 1, None
    left = demos.stops[episodes] - rows
    left = left if spec.horizon is None or spec.strategy == "final" else np.minimum(left, spec.horizon)
    offsets = np.asarray(draw_offset(spec.strategy, jnp.asarray(left, jnp.int32), spec.discount, key=key), np.int64)
    return rows + episodes + offsets, offsets


def _relabeled(
    demos: Demonstrations,
    rows: Int[np.ndarray, " rows"],
    places: Int[np.ndarray, " rows"],
    offsets: Int[np.ndarray, " rows"] | None,
    max_steps: int,
    tolerance: float,
) -> Demonstrations:
    """The steps of these rows, an episode each, with the goals of these places before and after the action."""
    goals = demos.obs[ACHIEVED][places]
    sides = demos.before(rows), demos.after(rows)
    shares = [None if offsets is None else jnp.asarray((offsets - later) / max_steps, jnp.float32) for later in (0, 1)]
    pairs = [jax.tree.map(np.asarray, with_goal(side, goals, share)) for side, share in zip(sides, shares, strict=True)]
    obs = jax.tree.map(lambda *both: np.stack(both, axis=1).reshape(-1, *both[0].shape[1:]), *pairs)
    away = (pairs[1][ACHIEVED].astype(np.float64) - goals).reshape(len(rows), -1)
    terminated = demos.at_last_step(demos.terminated)[rows]
    return Demonstrations(
        obs=obs,
        actions=demos.actions[rows],
        rewards=(np.linalg.norm(away, axis=1) <= tolerance).astype(np.float32),
        terminated=terminated,
        truncated=~terminated,
        lengths=np.ones(len(rows), np.int32),
        spaces=demos.spaces,
        executed=None if demos.executed is None else demos.executed[rows],
        follows=None if demos.follows is None else demos.follows[demos.episode_of(rows)],
        weights=None if demos.weights is None else demos.weights[rows],
    )
