"""Landmarks among points that episodes came by, and the shortest ways from one to the next (Eysenbach et al., Search on
the replay buffer, 2019; Huang et al., Mapping state space using landmarks, 2019).

An episode visits a landmark for as long as it is the nearest one. The gap between two landmarks is the mean, over all
passages from a visit of the one to a visit of the other right after it, of the steps from the middle of the first visit
to the middle of the second. The least would be too optimistic: where two regions touch it is one step.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path
from scipy.spatial import cKDTree

_MOST_POINTS = 50_000
"""Landmarks are chosen among so many points at most, evenly spread over all."""
_ROUNDS = 5
"""How often landmarks move to the middle of their regions."""

Points = Float[np.ndarray, "points entries"]
Landmarks = Float[np.ndarray, "landmarks entries"]


class Passages(NamedTuple):
    """Each passage from one landmark to another, right after it in an episode."""

    origin: Int[np.ndarray, " passages"]
    target: Int[np.ndarray, " passages"]
    steps: Float[np.ndarray, " passages"]
    """How many steps it took, from the middle of a visit to that of the next."""


class Ways(NamedTuple):
    """The shortest ways from each landmark to each."""

    steps: Float[np.ndarray, "landmarks landmarks"]
    """How long they are; infinite where there is none."""
    following: Int[np.ndarray, "landmarks landmarks"]
    """The landmark that comes first on the way; the one that it begins at where there is none."""


def choose_landmarks(points: Points, count: int) -> Landmarks:
    """Points that are spread over all of them, each near the middle of those it is nearest to.

    Each is the farthest from those before it (Gonzalez, 1985), and then moves by a few rounds of Lloyd's algorithm
    (1982), for the farthest points lie on the rim. There are fewer than `count` where there are no more points.
    """
    some = np.unique(points[:: -(-len(points) // _MOST_POINTS)], axis=0)
    chosen = some[_farthest(some, count)]
    for _ in range(_ROUNDS):
        regions = nearest(chosen, some)
        sizes = np.bincount(regions, minlength=len(chosen))
        sums = [np.bincount(regions, entry, len(chosen)) for entry in some.T]
        middles = np.stack(sums, axis=1) / np.maximum(sizes, 1)[:, None]
        chosen = np.where(sizes[:, None] > 0, some[nearest(some, middles)], chosen)
    return chosen


def nearest(landmarks: Landmarks, points: Points) -> Int[np.ndarray, " points"]:
    """The number of the landmark that is nearest to each point."""
    return np.asarray(cKDTree(landmarks).query(points)[1])


def passages(regions: Int[np.ndarray, " points"], episodes: Int[np.ndarray, " points"]) -> Passages:
    """All passages of episodes, one after the other, whose points lie in these regions."""
    changes = (np.diff(regions) != 0) | (np.diff(episodes) != 0)
    begins = np.append(0, np.flatnonzero(changes) + 1)
    ends = np.append(begins[1:], len(regions)) - 1
    middles, visited, episode = (begins + ends) / 2, regions[begins], episodes[begins]
    same = episode[1:] == episode[:-1]
    return Passages(visited[:-1][same], visited[1:][same], np.diff(middles)[same])


def mean_gaps(found: Passages, count: int) -> Float[np.ndarray, "landmarks landmarks"]:
    """The mean steps of passages between any two landmarks; infinite where there was none."""
    pair = found.origin * count + found.target
    often = np.bincount(pair, minlength=count**2)
    total = np.bincount(pair, found.steps, count**2)
    return np.where(often > 0, total / np.maximum(often, 1), np.inf).reshape(count, count)


def shortest_ways(gaps: Float[np.ndarray, "landmarks landmarks"]) -> Ways:
    """The shortest ways by gaps, which are above 0, and infinite where nothing leads from one to the other at once."""
    backward = csr_array(np.where(np.isfinite(gaps), gaps, 0.0).T)
    steps, before = shortest_path(backward, method="D", return_predecessors=True)
    own = np.arange(len(gaps))[:, None]
    return Ways(steps.T, np.where(before.T < 0, own, before.T))


def _farthest(points: Points, count: int) -> Int[np.ndarray, " landmarks"]:
    chosen = [int(np.argmin(((points - points.mean(axis=0)) ** 2).sum(axis=1)))]
    apart = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(apart.argmax()))
        apart = np.minimum(apart, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return np.asarray(chosen)
