import jax.numpy as jnp
import numpy as np

from ilkit.math.perspective import ASPHALT, MARKING, VERGE, ground_of, lane_picture

GROUND = ground_of(20, 40, camera_height=1.5, focal_length=20.0)


def test_a_pixel_sees_where_its_ray_meets_the_ground() -> None:
    row, column = 4, 12
    ray = np.array([20.0, -(column - 19.5), -(row + 0.5)])  # ahead, to the left and upwards, in pixels
    point = ray * 1.5 / (row + 0.5)
    np.testing.assert_allclose([GROUND.ahead[row, 0], GROUND.left[row, column]], point[:2], rtol=1e-6)
    np.testing.assert_allclose(GROUND.pixel[row, 0], GROUND.left[row, 11] - GROUND.left[row, 12], rtol=1e-5)


def test_each_row_holds_as_much_marking_as_lies_on_the_ground_whatever_the_pixels() -> None:
    seen = np.asarray(lane_picture(GROUND, GROUND.left, lane_width=3.0, marking_width=0.2))
    road = np.asarray(lane_picture(GROUND, GROUND.left, lane_width=3.0, marking_width=0.0))
    visible = (GROUND.pixel[:, 0] * 20 > 1.7) & (GROUND.pixel[:, 0] < 1.0)
    added = ((seen - road) * GROUND.pixel).sum(axis=1)[visible]
    expected = 2 * 0.1 * (MARKING - ASPHALT) + 2 * 0.1 * (MARKING - VERGE)  # half of each marking beside the lane
    np.testing.assert_allclose(added, expected, rtol=1e-4)


def test_the_middle_is_road_and_the_far_sides_are_not() -> None:
    values = lane_picture(GROUND, jnp.broadcast_to(jnp.asarray(0.0), (20, 40)), lane_width=3.7, marking_width=0.2)
    np.testing.assert_allclose(values[5:], ASPHALT, rtol=1e-5)
    values = lane_picture(GROUND, jnp.full((20, 40), 50.0), lane_width=3.7, marking_width=0.2)
    np.testing.assert_allclose(values, VERGE, rtol=1e-5)
