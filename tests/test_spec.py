import jax
import pytest
from pydantic import PositiveFloat, PositiveInt, ValidationError

from ilkit.spec import Spec


class Settings(Spec):
    """Settings."""

    rate: PositiveFloat = 0.5
    decay: float | None = None
    steps: PositiveInt = 3
    sizes: tuple[int, ...] = (2, 2)


def test_floats_are_leaves_and_the_rest_is_static() -> None:
    assert jax.tree.leaves(Settings()) == [0.5]
    assert jax.tree.leaves(Settings(decay=0.1)) == [0.5, 0.1]
    assert jax.tree.map(lambda leaf: 2 * leaf, Settings()).rate == 1.0


def test_a_sweep_over_a_float_traces_once_and_over_a_count_again() -> None:
    traced = []

    @jax.jit
    def double(settings: Settings) -> jax.Array:
        traced.append(settings.steps)
        return settings.rate * 2.0

    for settings in (Settings(rate=0.1), Settings(rate=0.2), Settings(rate=0.2, steps=4)):
        double(settings)
    assert traced == [3, 4]


def test_specs_are_frozen_hashable_and_strict() -> None:
    assert hash(Settings()) == hash(Settings())
    with pytest.raises(ValidationError, match="frozen"):
        Settings().steps = 4  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra"):
        Settings.model_validate_json('{"rats": 1}')
    with pytest.raises(ValidationError, match="valid integer"):
        Settings.model_validate_json('{"steps": 2.5}')
    assert Settings.model_validate_json('{"sizes": [1], "rate": 1}') == Settings(sizes=(1,), rate=1.0)
