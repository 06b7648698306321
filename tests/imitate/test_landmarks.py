"""Far goals by landmarks and a clone of near ones."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.policy import Policy
from ilkit.env import point_maze, reach_grid
from ilkit.errors import DataError
from ilkit.expert import waypoints
from ilkit.imitate import gcbc, landmarks
from ilkit.imitate.landmarks import Landmarks, draw_graph
from ilkit.nn.landmark_policy import LandmarkGraph, LandmarkPolicy
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy
from ilkit.testing.arguments import Options, part
from ilkit.testing.problems import demonstrations
from ilkit.testing.stand_ins import wandering

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
ARCH = ("#######", "#.....#", "#.###.#", "#.###.#", "#######")
"""Where the shortest way from one foot to the other begins with a step away from it."""


def maze(**settings: Any) -> Build[Any]:
    chosen = {"layout": ARCH, "speed": 0.8, "max_steps": 80, **settings}
    return Build("env", "point_maze", point_maze.env, point_maze.PointMaze(**chosen))


def recorded(**settings: Any) -> Demonstrations:
    env = maze(**{"pairs": "near", "near_steps": 2, "at_goal": "new_goal", **settings})
    expert = waypoints.expert(waypoints.Waypoints(), env, key=KEY)
    run = collect_episodes(env(), expert, num_episodes=60, key=KEY, action_noise=0.5)
    return run.demonstrations("executed")


DEMOS = recorded()
SETTINGS: dict[str, Any] = {"num_steps": 1000, "learning_rate": 3e-3}


def learnt(kind: Any, spec: Any, demos: Demonstrations = DEMOS, **parts: dict[str, Any]) -> Policy:
    one_std, layers = {"kind": "gaussian", "state_dependent_std": False}, {"kind": "mlp", "hidden": [64]}
    head = part("policy", Options(parts={"policy": one_std, "network": layers, **parts}))
    return loop.train(lambda *, key: kind.imitate(spec, head, demos, key=key), key=KEY)[0]


def test_what_a_flat_clone_can_not_do_landmarks_solve() -> None:
    far = maze(pairs="tasks", tasks=(((3, 1), (3, 5)), ((3, 5), (3, 1))))()
    flat = learnt(gcbc, gcbc.GCBC(strategy="geometric", discount=0.9, relative=True, **SETTINGS))
    policy = learnt(landmarks, Landmarks(num_landmarks=40, reach=3, **SETTINGS))
    assert isinstance(policy, LandmarkPolicy)
    solved = [(collect_episodes(far, one, num_episodes=64, key=KEY).returns > 0).mean() for one in (flat, policy)]
    assert solved[0] < 0.1
    assert solved[1] > 0.95


@pytest.mark.parametrize(
    "parts",
    [
        {"policy": {"kind": "chunked", "horizon": 3, "execute": 2}},
        {"network": {"kind": "gru", "hidden_size": 8, "window": 4}},
    ],
    ids=["chunked", "gru"],
)
def test_clones_with_a_memory_go_from_landmark_to_landmark(parts: dict[str, Any]) -> None:
    policy = learnt(landmarks, Landmarks(num_landmarks=20, num_steps=3), **parts)
    run = collect_episodes(maze(max_steps=5)(), policy, num_episodes=2, key=KEY, stochastic=True)
    assert np.isfinite(run.intended).all()


def behind_corners(graph: LandmarkGraph, reach: int) -> float:
    """The share of ways between landmarks that begin towards what lies on the other side of a wall."""
    one = RandomPolicy.of(DEMOS.spaces)
    policy = LandmarkPolicy(one, one.normalizer, graph, jnp.int32(reach), jnp.int32(20), one.spaces)
    places = graph.places * graph.scale

    def wanted(place: Array, goal: Array) -> Array:
        return policy.plan(policy.initial_carry(), {ACHIEVED: place, DESIRED: goal})[1]

    middles = (places[:, None] + jax.vmap(lambda one: jax.vmap(lambda goal: wanted(one, goal))(places))(places)) / 2
    return float(jnp.mean((jnp.abs(middles[..., 0] - 8.0) < 6.0) & (middles[..., 1] < 6.0)))


def test_what_is_asked_for_lies_around_no_corner_unless_the_reach_is_long() -> None:
    graph = draw_graph(Landmarks(num_landmarks=40), DEMOS)
    assert behind_corners(graph, 2) < 0.02
    assert behind_corners(graph, 25) > 0.3


def test_the_graph_has_the_same_bytes_again() -> None:
    one, other = (draw_graph(Landmarks(num_landmarks=40), DEMOS) for _ in range(2))
    for mine, theirs in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_ways_of_the_graph_are_as_long_as_those_of_the_maze() -> None:
    """Along walls it is 27 from foot to foot, 34 steps of .8; straight through them it would be 20."""
    graph = draw_graph(Landmarks(num_landmarks=40), DEMOS)
    feet = [int(graph.nearest(jnp.asarray(foot), graph.is_left)) for foot in ((0.0, 0.0), (16.0, 0.0))]
    steps = np.asarray(graph.steps)[feet, feet[::-1]]
    assert (steps > 25).all()
    assert (steps < 60).all()


def apart(num_rooms: int) -> Demonstrations:
    """Episodes that never meet, each in a room of its own."""
    demos = DEMOS.take(np.arange(num_rooms))
    rooms = 100 * np.repeat(np.arange(num_rooms, dtype=np.float32), demos.lengths + 1)[:, None]
    obs = {**demos.obs, ACHIEVED: demos.obs[ACHIEVED] + rooms}
    return Demonstrations(
        obs, demos.actions, demos.rewards, demos.terminated, demos.truncated, demos.lengths, spaces=demos.spaces
    )


def test_starts_and_ends_without_a_way_between_them_are_counted() -> None:
    spec = Landmarks(num_landmarks=20)
    with pytest.warns(UserWarning, match=r"2 of the 4 pairs of a start and an end .* \(50%\)\. Raise max_gap, 50"):
        draw_graph(spec, apart(2))
    with pytest.raises(DataError, match=r"6 of the 9 pairs .* or lower num_landmarks, 20, so that more episodes meet"):
        draw_graph(spec, apart(3))
    with pytest.raises(DataError, match=r"have no way between them \(57%\)\. Raise max_gap, 1, which leaves 1,704 of"):
        draw_graph(Landmarks(num_landmarks=20, max_gap=1), DEMOS)


def test_what_has_no_goals_that_are_near_to_each_other_is_refused() -> None:
    with pytest.raises(DataError, match=r"imitate\.landmarks\.demos: observations must be a dict with achieved_goal"):
        learnt(landmarks, Landmarks(), demonstrations(3, "discrete"))
    grid = wandering(reach_grid.env(reach_grid.ReachGrid()), 3)
    with pytest.raises(DataError, match=r"imitate\.landmarks: needs goals that are real numbers"):
        draw_graph(Landmarks(), grid)
    few = DEMOS.take(np.asarray([0]))
    with pytest.raises(DataError, match=r"num_landmarks: must be at most the different states achieved, 81, got 100"):
        draw_graph(Landmarks(num_landmarks=100), few)
