"""From landmark to landmark, and around one that isn't come to."""

import jax
import jax.numpy as jnp
import numpy as np

from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.spaces import Box, Dict, Spaces
from ilkit.fitting.gradient import partition
from ilkit.math.landmarks import shortest_ways
from ilkit.nn.landmark_policy import FAR, LandmarkGraph, LandmarkPolicy, Travel
from ilkit.stepping.random_policy import RandomPolicy

PLACES = np.asarray([(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (2, 1), (9, 9)], np.float32)
"""A corridor of five landmarks, a way around its middle one, and a landmark that no way leads to."""
GAPS = {(0, 1): 3.0, (1, 2): 3.0, (2, 3): 3.0, (3, 4): 20.0, (1, 5): 4.0, (5, 3): 4.0}


def policy(reach: int = 6, patience: int = 5) -> LandmarkPolicy:
    gaps = np.full((7, 7), np.inf)
    for (one, other), steps in GAPS.items():
        gaps[one, other] = gaps[other, one] = steps
    ways = shortest_ways(gaps)
    steps = np.where(np.isfinite(ways.steps), ways.steps, FAR).astype(np.float32)
    left = np.isfinite(ways.steps).sum(axis=1) > 1
    graph = LandmarkGraph(*(jnp.asarray(one) for one in (PLACES, np.ones(2, np.float32), steps, ways.following, left)))
    box = Box(low=(-np.inf,) * 2, high=(np.inf,) * 2)
    entries = (("observation", box), (ACHIEVED, box), (DESIRED, box))
    inner = RandomPolicy.of(Spaces(observation=Dict(entries=entries), action=Box.symmetric((1.0, 1.0))))
    return LandmarkPolicy(inner, inner.normalizer, graph, jnp.int32(reach), jnp.int32(patience), inner.spaces)


def ask(
    one: LandmarkPolicy, place: tuple[float, float], goal: tuple[float, float], carry: Travel | None = None
) -> tuple[Travel, list[float]]:
    here, there = jnp.asarray(place, jnp.float32), jnp.asarray(goal, jnp.float32)
    obs = {"observation": here, ACHIEVED: here, DESIRED: there}
    travel, wanted = jax.jit(LandmarkPolicy.plan)(one, one.initial_carry() if carry is None else carry, obs)
    return travel, wanted.tolist()


def test_the_last_landmark_of_the_way_within_reach_is_asked_for() -> None:
    goal = (4.1, 0.2)
    assert ask(policy(), (0.2, 0.1), goal)[1] == [2.0, 0.0]
    assert ask(policy(reach=9), (0.2, 0.1), goal)[1] == [3.0, 0.0]
    assert ask(policy(reach=4), (0.9, 0.1), goal)[1] == [2.0, 0.0]
    assert ask(policy(), (3.1, 0.0), goal)[1] == np.float32(goal).tolist()  # the next one, however far, is the goal's
    assert ask(policy(reach=2), (0.0, 0.0), goal)[1] == [1.0, 0.0]


def test_the_goal_itself_is_asked_for_where_it_is_near() -> None:
    near = (0.3, 0.3)
    assert ask(policy(), (0.0, 0.0), near)[1] == np.float32(near).tolist()
    assert ask(policy(), (1.0, 0.0), near)[1] == np.float32(near).tolist()


def test_where_no_way_leads_the_nearest_landmark_that_one_leads_to_stands_for_the_goal() -> None:
    far = (9.0, 8.0)
    assert ask(policy(), (0.0, 0.0), far)[1] == [2.0, 0.0]
    assert ask(policy(), (4.0, 0.0), far)[1] == list(far)
    assert ask(policy(), (8.0, 8.0), (0.3, 0.3))[1] == [3.0, 0.0]  # no way leads on from the nearest


def test_who_does_not_move_is_led_around() -> None:
    """It is 3 steps to the middle landmark, and 5 more are waited for: then its way has cost them."""
    one, goal, carry, asked = policy(reach=4), (3.0, 0.0), None, []
    for _ in range(12):
        carry, wanted = ask(one, (1.0, 0.0), goal, carry)
        asked.append(wanted)
    assert asked == [[2.0, 0.0]] * 9 + [[2.0, 1.0]] * 3
    assert carry is not None
    assert carry.losses[2] == 9
    _, wanted = ask(one, (1.0, 0.0), (3.2, 0.0), carry)
    assert wanted == [2.0, 0.0]  # another goal, another way


def test_who_comes_nearer_or_is_there_is_not_led_around() -> None:
    one, carry = policy(), None
    for place in (0.0, 0.0, 0.0, 0.6, 0.9, 1.6, 1.8, 2.6, 3.0, *[3.4] * 40):
        carry, wanted = ask(one, (place, 0.0), (3.3, 0.0), carry)
    assert carry is not None
    assert not carry.losses.any()
    assert wanted == np.float32((3.3, 0.0)).tolist()


def test_no_gradient_moves_a_landmark() -> None:
    trained, _ = partition(policy())
    assert not jax.tree.leaves(trained.graph)
