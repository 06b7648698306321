"""Landmarks: far goals by shortest ways over a graph of states, near ones by a clone (Eysenbach et al., Search on the
replay buffer, 2019; Huang et al., Mapping state space using landmarks, 2019).

Landmarks are spread over what episodes achieved. The gap between two of them is the mean number of steps that episodes
took from the one to the other, if they came there at once; the way to a goal is a shortest one over these gaps, and a
clone, learnt as `gcbc` learns, is asked for what lies at most `reach` steps ahead on it.
"""

import dataclasses
import warnings
from typing import Annotated, Literal

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree
from pydantic import Field, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import ACHIEVED
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Dict, described
from ilkit.data.training import Training
from ilkit.errors import DataError
from ilkit.fitting.goal_cloning import GoalCloningSpec, clone_towards_goals
from ilkit.fitting.goals import Strategy
from ilkit.math.landmarks import Ways, choose_landmarks, mean_gaps, nearest, passages, shortest_ways
from ilkit.nn.landmark_policy import FAR, LandmarkGraph, LandmarkPolicy


class Landmarks(GoalCloningSpec):
    """Shortest ways over a graph of states, and a clone that goes from one to the next (Huang et al., 2019)."""

    kind: Literal["landmarks"] = "landmarks"
    num_landmarks: Annotated[int, Field(ge=2, le=2000)] = 300
    """The states that are landmarks."""
    reach: PositiveInt = 8
    """How many steps ahead on the way the clone is asked for, at most: far ones lie behind a corner. The next landmark
    is asked for where even that is farther."""
    max_gap: PositiveInt = 50
    """The most steps from one landmark to the next: who took more has paused on the way."""
    patience: PositiveInt = 20
    """How many steps more than the way to a landmark has are waited for who doesn't come nearer to the goal; then these
    count as lost on the way to it, and others are shorter."""
    strategy: Strategy = "geometric"
    """How far ahead the clone's goals are drawn: uniform, geometric, final, or as OGBench draws, rounded_uniform and
    clipped_geometric."""
    discount: Annotated[float, Field(gt=0, le=0.9999)] = 0.9
    """γ: how near geometric goals are; those that it is asked for are at most `reach` steps away."""
    relative: bool = True
    """Whether the clone is given goals as the way there, on its own scale: those that are near are seen, then."""


def imitate(spec: Landmarks, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray) -> Training[Policy]:
    """Draws the graph, and fits a clone to the demonstrations and what they achieved.

    **Raises:** `DataError` where nothing is known of what was achieved, that is no real numbers, has fewer states than
    there should be landmarks, or where most pairs of a start and an end of an episode have no way between them.
    """
    training = clone_towards_goals(spec, "imitate.landmarks", policy, demos, key=key)
    reach, patience = jnp.asarray(spec.reach, jnp.int32), jnp.asarray(spec.patience, jnp.int32)
    finish = Partial(_finish, reach, patience, draw_graph(spec, demos), training.finish)
    return dataclasses.replace(training, finish=finish)


def draw_graph(spec: Landmarks, demos: Demonstrations) -> LandmarkGraph:
    """The landmarks of what was achieved, and the shortest ways between them."""
    achieved = _achieved(demos)
    spread = achieved.std(axis=0)
    scale = np.where(spread > 1e-6, spread, 1.0).astype(np.float32)
    points = achieved / scale
    places = choose_landmarks(points, spec.num_landmarks)
    if len(places) < spec.num_landmarks:
        raise DataError(
            f"imitate.landmarks.num_landmarks: must be at most the different states achieved, {len(places)}, got "
            f"{spec.num_landmarks}."
        )
    regions, episodes = nearest(places, points), np.repeat(np.arange(demos.num_episodes), demos.lengths + 1)
    found = passages(regions, episodes)
    short = found.steps <= spec.max_gap
    ways = shortest_ways(mean_gaps(type(found)(*(column[short] for column in found)), spec.num_landmarks))
    ends = np.cumsum(demos.lengths + 1)
    _check_ways(spec, ways, regions[ends - demos.lengths - 1], regions[ends - 1], int((~short).sum()), len(short))
    steps = np.where(np.isfinite(ways.steps), ways.steps, FAR)
    is_left = np.isfinite(ways.steps).sum(axis=1) > 1
    columns = (places, scale, steps.astype(np.float32), ways.following.astype(np.int32), is_left)
    return LandmarkGraph(*(jnp.asarray(column) for column in columns))


def _achieved(demos: Demonstrations) -> Float[np.ndarray, "points goal"]:
    observed = demos.spaces.observation
    assert isinstance(observed, Dict)
    goal = dict(observed.entries)[ACHIEVED]
    if not (isinstance(goal, Box) and goal.is_floating):
        raise DataError(
            f"imitate.landmarks: needs goals that are real numbers, to be near to each other or not, got "
            f"{described(goal)}. Choose imitate.kind gcbc."
        )
    return np.asarray(demos.obs[ACHIEVED], np.float32).reshape(len(demos.obs[ACHIEVED]), -1)


def _check_ways(
    spec: Landmarks, ways: Ways, starts: np.ndarray, ends: np.ndarray, num_long: int, num_passages: int
) -> None:
    """Warns where some starts of episodes have no way to the end of some, refuses where most haven't."""
    apart = ~np.isfinite(ways.steps[np.ix_(starts, ends)])
    if not apart.any():
        return
    told = (
        f"imitate.landmarks: {apart.sum():,} of the {apart.size:,} pairs of a start and an end of episodes have no way "
        f"between them ({apart.mean():.0%}). Raise max_gap, {spec.max_gap}, which leaves {num_long:,} of "
        f"{num_passages:,} passages out, or lower num_landmarks, {spec.num_landmarks}, so that more episodes meet."
    )
    if apart.mean() > 0.5:
        raise DataError(told)
    warnings.warn(told, stacklevel=3)


def _finish(
    reach: Int[Array, ""], patience: Int[Array, ""], graph: LandmarkGraph, finish: Partial, state: PyTree
) -> LandmarkPolicy:
    clone = finish(state)
    return LandmarkPolicy(
        inner=clone,
        normalizer=clone.normalizer,
        graph=graph,
        reach=reach,
        patience=patience,
        spaces=clone.spaces,
    )
