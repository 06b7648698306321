"""Learning curves as tables."""

import numpy as np

from ilkit.data.seeds import Seeds
from ilkit.measuring.comparison import Resampling
from ilkit.measuring.curves import read_curves, training_table


def test_a_return_is_empty_until_every_seed_has_ended_an_episode() -> None:
    curves = {
        "env_steps": np.array([8, 16, 24, 32]),
        "episodes": np.array([[0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]]),
        "return": np.array([[0.0, -4.0, -3.0, -2.0], [-4.0, -4.0, -3.0, -2.0]]),
        "loss": np.ones((2, 4)),
    }
    table = training_table(read_curves(Seeds((), curves, 2), Resampling(0.95, 100, 0)))
    assert table["return"] == ["", "", -3.0, -2.0]
    assert table["return_low"][:2] == ["", ""]
    assert table["loss"] == [1.0] * 4
