"""Learning curves as tables."""

import numpy as np

from ilkit.data.seeds import Seeds
from ilkit.measuring.comparison import Resampling
from ilkit.measuring.curves import drawable, read_curves, returns_table, training_table


def test_before_an_episode_ended_there_is_no_return_to_draw() -> None:
    curves = {
        "env_steps": np.array([8, 16, 24, 32]),
        "episodes": np.array([[0.0, 1.0, 2.0, 3.0]]),
        "return": np.array([[0.0, -4.0, -3.0, -2.0]]),
        "loss": np.ones((1, 4)),
    }
    read = read_curves(Seeds((), curves, 1), Resampling(0.95, 100, 0))
    known = drawable(read)
    assert known["return"].steps.tolist() == [24, 32]
    assert known["loss"].steps.tolist() == [8, 16, 24, 32]
    never = read_curves(Seeds((), curves | {"episodes": np.zeros((1, 4))}, 1), Resampling(0.95, 100, 0))
    assert set(drawable(never)) == {"episodes", "loss"}
    longer = known["return"]._replace(steps=np.array([8.0, 64.0]))
    table = returns_table({"late": known["return"], "longer": longer}, {"late": None, "longer": None})
    assert table["env_steps"] == [8, 64]
    assert np.isnan(table["late"][0])
    assert table["late"][1] == -2.0
    assert table["longer"] == [-3.0, -2.0]


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
