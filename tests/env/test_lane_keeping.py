"""The car and its cameras against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.environment import Environment, Placed
from ilkit.env.lane_keeping import LaneKeeping, LaneKeepingEnvironment, LaneState, autonomy, env
from ilkit.errors import DataError
from ilkit.expert.scripted import Scripted, expert
from ilkit.reporting.paths import paths_of
from ilkit.stepping.episodes import collect_episodes

KEY = jax.random.key(0)
SMALL = {"height": 8, "width": 16, "max_steps": 40}
CALM = LaneKeeping(wind=0.0, pixel_noise=0.0, **SMALL)  # type: ignore[arg-type]


def road(spec: LaneKeeping = CALM) -> LaneKeepingEnvironment:
    world = env(spec)
    assert isinstance(world, LaneKeepingEnvironment)
    return world


def at(world: LaneKeepingEnvironment, **places: float) -> LaneState:
    """A state of the road with the car in the middle, but for these."""
    start = world.reset(key=KEY)._replace(offset=jnp.zeros(()), heading=jnp.zeros(()))
    return start._replace(**{name: jnp.asarray(value, jnp.float32) for name, value in places.items()})


def test_autonomy_is_90_after_10_interventions_in_600_seconds() -> None:
    assert float(autonomy(jnp.asarray(10.0), 600.0)) == pytest.approx(90.0)


def test_the_return_is_autonomy_and_an_intervention_puts_the_car_into_the_middle() -> None:
    world = road()
    states, rewards = [at(world)], []
    for _ in range(world.max_steps):
        after, transition = world.step(states[-1], jnp.asarray([0.06]), key=KEY)
        states.append(after)
        rewards.append(float(transition.reward))
        assert not transition.terminated
    offsets = np.asarray([float(state.offset) for state in states])
    put_back = (offsets[1:] == 0.0) & (np.asarray([float(state.heading) for state in states[1:]]) == 0.0)
    assert put_back.sum() >= 2
    assert (np.abs(offsets) <= CALM.departure).all()
    assert sum(rewards) == pytest.approx(100.0 * (1.0 - 6.0 * put_back.sum() / (40 * 0.1)), rel=1e-4)


def test_who_steers_with_the_lane_stays_in_its_middle_and_who_goes_straight_leaves_a_bend_by_half_k_s_squared() -> None:
    world = road()
    state = at(world)
    for _ in range(20):
        state, _ = world.step(state, world.curvature(state)[None], key=KEY)
    assert abs(float(state.offset)) < 1e-5
    start = at(world, distance=3.0)
    state, way = start, 0.0
    for _ in range(10):
        state, _ = world.step(state, jnp.zeros(1), key=KEY)
        way += 1.0
    assert float(state.offset) == pytest.approx(-float(world.bend(start, jnp.asarray(way))), abs=0.02)
    assert abs(float(state.offset)) > 0.1


def test_the_lane_bends_as_its_curvature_says() -> None:
    world = road()
    start = at(world)
    places = np.linspace(0.0, 40.0, 4001)
    curvature = np.asarray(jax.vmap(lambda way: world.curvature(start._replace(distance=way)))(jnp.asarray(places)))
    heading = np.concatenate([[0.0], np.cumsum((curvature[1:] + curvature[:-1]) / 2) * 0.01])
    aside = np.concatenate([[0.0], np.cumsum((heading[1:] + heading[:-1]) / 2) * 0.01])
    np.testing.assert_allclose(world.bend(start, jnp.asarray(places)), aside, atol=2e-3)
    assert np.abs(aside).max() > 1.0


def test_a_camera_at_the_side_sees_what_the_center_one_sees_of_a_car_beside_the_middle() -> None:
    world = road(LaneKeeping(observed="recording", pixel_noise=0.0, camera_offset=0.5, **SMALL))  # type: ignore[arg-type]
    seen, beside = world.observe(at(world, offset=0.2)), world.observe(at(world, offset=0.7))
    np.testing.assert_array_equal(seen["left"], beside["center"])
    np.testing.assert_array_equal(seen["center"], beside["right"])
    assert (seen["left"] != seen["center"]).any()
    np.testing.assert_allclose(seen["pose"], [0.2, 0.0, float(world.curvature(at(world)))], rtol=1e-6)


def test_the_picture_of_the_mirrored_road_is_the_mirror_image() -> None:
    world = road()
    state = at(world, offset=0.3, heading=0.05)
    image = state._replace(offset=-state.offset, heading=-state.heading, phases=state.phases + np.pi)
    np.testing.assert_allclose(
        np.asarray(world.observe(image), float), np.asarray(world.observe(state)[:, ::-1], float), atol=1
    )
    np.testing.assert_allclose(world.curvature(image), -world.curvature(state), atol=1e-6)


def test_noise_is_drawn_anew_in_every_step_and_for_every_camera() -> None:
    world = road(LaneKeeping(observed="recording", pixel_noise=0.1, camera_offset=0.0, **SMALL))  # type: ignore[arg-type]
    state = at(world)
    seen = world.observe(state)
    assert (seen["left"] != seen["center"]).mean() > 0.5
    np.testing.assert_array_equal(world.observe(state)["center"], seen["center"])
    later = world.step(state, jnp.zeros(1), key=KEY)[0]
    again = world.observe(state._replace(sensor=later.sensor))["center"]
    assert (again != seen["center"]).mean() > 0.5


def test_gusts_have_the_spread_and_the_correlation_that_are_set() -> None:
    world = road(LaneKeeping(wind=0.5, gust_time=1.0, **SMALL))  # type: ignore[arg-type]

    def after(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        reset_key, step_key = jax.random.split(key)
        state = world.reset(key=reset_key)
        return state.wind, world.step(state, jnp.zeros(1), key=step_key)[0].wind

    first, second = np.asarray(jax.jit(jax.vmap(after))(jax.random.split(KEY, 4000)))
    np.testing.assert_allclose([first.std(), second.std()], 0.5, rtol=0.05)
    np.testing.assert_allclose(np.corrcoef(first, second)[0, 1], np.exp(-0.1), atol=0.02)


def test_the_demonstrator_keeps_the_lane_by_the_pose() -> None:
    make = Build("env", "lane_keeping", env, LaneKeeping(observed="recording", wind=0.1, **SMALL))  # type: ignore[arg-type]
    episodes = collect_episodes(make(), expert(Scripted(), make, key=KEY), num_episodes=16, key=KEY)
    np.testing.assert_allclose(episodes.returns, 100.0, rtol=1e-5)
    assert np.abs(episodes.executed).max() < LaneKeeping().max_curvature


def test_who_sees_a_picture_alone_is_no_demonstrator() -> None:
    with pytest.raises(DataError, match=r"Set env\.lane_keeping\.observed to recording"):
        expert(Scripted(), Build("env", "lane_keeping", env, LaneKeeping(**SMALL)), key=KEY)  # type: ignore[arg-type]


def test_the_ways_of_every_seed_lie_on_the_map() -> None:
    world = env(LaneKeeping(observed="recording", **SMALL))  # type: ignore[arg-type]
    assert isinstance(world, Environment)
    assert isinstance(world, Placed)
    run = collect_episodes(world, world.demonstrator(), num_episodes=2, key=KEY)  # type: ignore[attr-defined]
    paths = paths_of(world, {"cloned": [run, run], "random": [run]})
    assert paths is not None
    assert paths.by_seed
    assert list(paths.ways) == ["cloned"]
    assert [way.shape for way in paths.ways["cloned"]] == [(41, 2)] * 2
    left, right, lower, upper = paths.ends
    way = paths.ways["cloned"][0]
    assert way[0, 0] == left
    assert way[-1, 0] == pytest.approx(right, rel=0.05)
    np.testing.assert_allclose(way[:, 1], run.obs["pose"][0, :, 0], atol=1e-6)
    assert lower < way[:, 1].min() <= way[:, 1].max() < upper
    assert paths.succeeded["cloned"] == [True, True]
