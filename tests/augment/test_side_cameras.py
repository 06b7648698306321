"""Labels that lead back to the lane, against the path that does."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.augment.side_cameras import SideCameras, augment, corrected
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Dict, Discrete, Spaces
from ilkit.env.lane_keeping import LaneKeeping, env
from ilkit.errors import DataError
from ilkit.testing.comparison import difference

KEY = jax.random.key(0)
ROAD = Build("env", "lane_keeping", env, LaneKeeping(observed="recording", height=8, width=8))
PICTURE = Box(shape=(2, 4, 1), low=0.0, high=255.0, dtype="uint8")
ACTION = Box.symmetric((0.06, 1.0))


def recording() -> Demonstrations:
    """Two episodes of 3 and 2 steps; a picture of the left camera is above 100, one of the right above 200."""
    random = np.random.default_rng(0)
    pictures = {
        name: (base + random.integers(0, 50, (7, 2, 4, 1))).astype(np.uint8)
        for name, base in (("center", 0), ("left", 100), ("right", 200))
    }
    observation = Dict(entries={**dict.fromkeys(pictures, PICTURE), "pose": Box.symmetric((np.inf,))})  # type: ignore[arg-type]
    return Demonstrations(
        obs={**pictures, "pose": random.normal(size=(7, 1)).astype(np.float32)},
        actions=random.uniform(-0.02, 0.02, (5, 2)).astype(np.float32),
        rewards=np.arange(5, dtype=np.float32),
        terminated=np.asarray([False, True]),
        truncated=np.asarray([True, False]),
        lengths=np.asarray([3, 2], np.int32),
        spaces=Spaces(observation=observation, action=ACTION),
    )


DEMOS = recording()


def made(**settings: object) -> Demonstrations:
    return augment(SideCameras(**settings), ROAD, DEMOS, key=KEY)  # type: ignore[arg-type]


PLAIN = made(left=None, right=None)


def test_the_label_is_the_first_curvature_of_the_path_that_is_back_after_two_seconds() -> None:
    d, way = 0.8, 10.0 * 2.0
    label = corrected(SideCameras(camera_offset=d, speed=10.0, return_time=2.0), np.zeros(1, np.float32), 1.0)[0]
    offset, heading, places = d, 0.0, np.linspace(0.0, way, 20001)
    step = places[1] - places[0]
    path = label * (
        1.0 - 2.0 * places / way
    )  # y'' of the cubic that begins so, with its middle turned to the other side
    for curvature in path[:-1]:
        heading += curvature * step
        offset += heading * step
    assert abs(offset) < 1e-3
    assert abs(heading) < 1e-4


def test_who_is_steered_by_the_law_of_which_it_is_the_label_returns_and_stays() -> None:
    offset, heading, way, step = 0.8, 0.0, 20.0, 0.01
    found = []
    for _ in range(10000):
        heading += step * (-6.0 * offset / way**2 - 4.0 * heading / way)
        offset += step * heading
        found.append(offset)
    root = np.sqrt(2.0)
    expected = 0.8 * np.exp(-2.0) * (np.cos(root) + root * np.sin(root))  # r² + 4 r + 6 = 0
    assert found[int(way / step) - 1] == pytest.approx(expected, rel=2e-3)
    assert max(map(abs, found[2 * int(way / step) :])) < 0.05 * 0.8


def test_what_the_side_cameras_saw_is_appended_with_corrected_steering() -> None:
    change = 6.0 * 0.5 / (12.0 * 2.0) ** 2
    demos = made(camera_offset=0.5, speed=12.0)
    assert demos.spaces == Spaces(observation=PICTURE, action=ACTION)
    np.testing.assert_array_equal(demos.obs, np.concatenate([DEMOS.obs[name] for name in ("center", "left", "right")]))
    assert demos.obs.dtype == np.uint8
    steering = DEMOS.actions[:, 0]
    expected = np.concatenate([steering, steering - change, steering + change])
    np.testing.assert_allclose(demos.actions[:, 0], expected, rtol=1e-5)
    np.testing.assert_array_equal(demos.actions[:, 1], np.tile(DEMOS.actions[:, 1], 3))
    assert demos.lengths.tolist() == [3, 2] * 3
    np.testing.assert_array_equal(demos.rewards, np.tile(DEMOS.rewards, 3))
    np.testing.assert_array_equal(demos.terminated, [False, True] * 3)


def test_a_wheelbase_makes_it_the_angle_of_the_wheels() -> None:
    spec = SideCameras(wheelbase=2.5, camera_offset=1.0, speed=10.0)
    steering = np.asarray([-0.1, 0.0, 0.2], np.float32)
    curvature = np.tan(steering.astype(float)) / 2.5 + 6.0 / 400.0
    np.testing.assert_allclose(corrected(spec, steering, -1.0), np.arctan(2.5 * curvature), rtol=1e-6)


def test_a_correction_in_the_units_of_the_action_takes_its_place() -> None:
    spec = SideCameras(correction=0.25, left_turn="negative", camera_offset=0.0)
    np.testing.assert_allclose(corrected(spec, np.asarray([0.1], np.float32), 1.0), 0.35)  # to the right, from the left
    assert augment(spec, ROAD, DEMOS, key=KEY).num_episodes == 6


@pytest.mark.parametrize(
    "settings", [{"camera_offset": 0.0}, {"correction": 0.0}, {"correction": 0.0, "camera_offset": 1.0}], ids=str
)
def test_without_views_or_a_correction_it_is_the_center_camera_bit_for_bit(settings: dict[str, float]) -> None:
    assert not difference(made(**settings), PLAIN)
    np.testing.assert_array_equal(PLAIN.obs, DEMOS.obs["center"])
    assert not difference(replace(PLAIN, obs=DEMOS.obs, spaces=DEMOS.spaces), DEMOS)
    assert augment(SideCameras(left=None, right=None), ROAD, PLAIN, key=KEY) is PLAIN


def test_one_camera_is_enough() -> None:
    demos = made(left=None)
    np.testing.assert_array_equal(demos.obs, np.concatenate([DEMOS.obs["center"], DEMOS.obs["right"]]))
    assert (demos.actions[5:, 0] > DEMOS.actions[:, 0]).all()


def test_mirror_images_steer_the_other_way() -> None:
    demos, both = made(mirror=True), made()
    assert demos.num_episodes == 12
    np.testing.assert_array_equal(demos.obs[:21], both.obs)
    np.testing.assert_array_equal(demos.obs[21:], both.obs[:, :, ::-1])
    np.testing.assert_array_equal(demos.actions[15:], both.actions * [-1.0, 1.0])


@pytest.mark.parametrize(
    ("settings", "spaces", "told"),
    [
        ({}, PLAIN.spaces, "left: must be a picture that is observed.*Record all cameras"),
        ({"right": "rear"}, DEMOS.spaces, "right: must be a picture .* got 'rear', where dict of center"),
        ({"center": "front"}, DEMOS.spaces, "center: must be a picture"),
        ({"right": "pose"}, DEMOS.spaces, "right: .*of the shape of the others"),
        ({"steering": 2}, DEMOS.spaces, "steering: must be an entry of a vector of actions, got 2 of box of size 2"),
        ({}, Spaces(observation=DEMOS.spaces.observation, action=Discrete(size=3)), "steering: must be an entry"),
        (
            {"left": None, "right": None, "mirror": True},
            Spaces(observation=Box.symmetric((1.0,)), action=ACTION),
            "mirror: needs a picture of rows and columns",
        ),
    ],
)
def test_what_is_not_there_is_named(settings: dict[str, object], spaces: Spaces, told: str) -> None:
    spec = SideCameras(**settings)  # type: ignore[arg-type]
    world = env(LaneKeeping(height=8, width=8))
    object.__setattr__(world, "spaces", spaces)
    with pytest.raises(AssertionError, match=told):
        raise AssertionError("\n".join(spec.faults(world)))
    demos = object.__new__(Demonstrations)
    object.__setattr__(demos, "spaces", spaces)
    with pytest.raises(DataError, match=f"augment.side_cameras.{told}"):
        augment(spec, ROAD, demos, key=KEY)


def test_a_road_that_is_seen_by_one_camera_alone_is_found_before_anything_runs() -> None:
    assert not list(SideCameras().faults(ROAD()))
    (left, right) = SideCameras().faults(env(LaneKeeping()))
    assert left.startswith("left: must be a picture that is observed")
    assert right.startswith("right: must be")


def test_negative_offsets_are_refused() -> None:
    with pytest.raises(ValidationError):
        SideCameras(camera_offset=-0.1)
