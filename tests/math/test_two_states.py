import numpy as np
import pytest

from ilkit.math.power_law import exponent
from ilkit.math.two_states import expected_steps_off

HORIZONS = np.array([1, 2, 3, 10, 100, 1000])


@pytest.mark.parametrize(
    ("leave", "come_back"),
    [(0.001, 0.0), (0.001, 0.001), (0.001, 0.999), (0.3, 1.0), (0.999, 0.999), (1.0, 1.0), (0.0, 0.5), (1e-9, 0.0)],
)
def test_the_closed_form_is_the_sum_of_what_the_chain_does(leave: float, come_back: float) -> None:
    off, steps = 0.0, []
    for _ in range(HORIZONS[-1]):
        off = (1.0 - off) * leave + off * (1.0 - come_back)
        steps.append(off)
    expected = np.cumsum(steps)[HORIZONS - 1]
    np.testing.assert_allclose(expected_steps_off(leave, come_back, HORIZONS), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("leave", "come_back", "horizon", "published"),
    [
        (0.001, 0.0, 100, "4.8874"),
        (0.001, 0.0, 1000, "368.33"),
        (0.001, 0.001, 100, "4.7324"),
        (0.001, 0.001, 1000, "284.20"),
        (0.01, 0.01, 100, "28.749"),
        (0.01, 0.01, 1000, "475.50"),
        (0.001, 0.999, 100, "0.1000"),
        (0.001, 0.999, 1000, "1.000"),
    ],
)
def test_costs_of_clones_and_of_dagger_to_the_digits_given(
    leave: float, come_back: float, horizon: int, published: str
) -> None:
    decimals = len(published.split(".")[1])
    assert f"{expected_steps_off(leave, come_back, np.array([horizon]))[0]:.{decimals}f}" == published


def test_the_cost_of_a_clone_doubles_twice_where_the_horizon_doubles() -> None:
    costs = expected_steps_off(1e-4, 0.0, np.array([10, 20, 40, 80, 160]))
    assert [f"{slope:.2f}" for slope in np.log2(costs[1:] / costs[:-1])] == ["1.93", "1.96", "1.98", "1.99"]


def test_the_exponent_is_that_of_a_power_law() -> None:
    x = np.array([1.0, 3.0, 10.0, 20.0])
    np.testing.assert_allclose(exponent(x, np.stack([5.0 * x**2, 0.1 * x, x**0])), [2.0, 1.0, 0.0], atol=1e-12)
    assert np.isnan(exponent(x, np.array([0.0, 1.0, 2.0, 3.0])))
