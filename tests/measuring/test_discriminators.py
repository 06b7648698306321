"""A discriminator that is never wrong is said."""

import numpy as np

from ilkit.measuring.discriminators import always_perfect, remark_on
from ilkit.measuring.remarks import remarks


def test_what_was_right_over_all_of_the_last_tenth_is_remarked_on() -> None:
    late, lucky, fair = np.full(40, 0.7), np.full(40, 0.7), np.full(40, 0.7)
    late[36:], lucky[39:] = 0.995, 0.995
    curves = {"accuracy": np.stack([late, lucky, fair])}
    np.testing.assert_array_equal(always_perfect(curves), [True, False, False])
    said = remark_on(curves)
    assert said is not None
    assert "in 1 of 3 seeds" in said
    assert "gradient_penalty" in said
    assert remarks(curves) == [said]


def test_a_fair_one_and_none_are_not() -> None:
    assert remark_on({"accuracy": np.full((2, 5), 0.9)}) is None
    assert remark_on({"return": np.ones((2, 5))}) is None
