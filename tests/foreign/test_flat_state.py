"""Any pytree as one vector and back, bit by bit."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.errors import DataError
from ilkit.foreign.flat_state import FlatState


def example() -> dict[str, Any]:
    return {
        "bits": jnp.array([True, False]),
        "bytes": jnp.array([0, 255], jnp.uint8),
        "floats": jnp.array([[1.5, -0.0], [3e38, 1e-30]]),
        "half": jnp.array(0.333, jnp.bfloat16),
        "key": jax.random.key(2**32 - 1),
        "keys": jax.random.split(jax.random.key(3), 2),
        "nothing": None,
        "old key": jnp.array([2143289344, 4290772992], jnp.uint32),  # the bits of two NaNs
        "signed": jnp.array([-(2**31), -1, 0, 1, 2**31 - 1], jnp.int32),
        "short": jnp.array(-(2**15), jnp.int16),
        "time": 7,
    }


def words(leaf: Any) -> np.ndarray:
    leaf = jnp.asarray(leaf)
    return np.asarray(jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf)


def test_round_trip_keeps_every_bit() -> None:
    tree = example()
    layout = FlatState.of(jax.eval_shape(lambda: example()))
    vector = jax.jit(layout.flatten)(tree)
    assert vector.dtype == jnp.float32
    assert vector.shape == (layout.size,) == (len(layout.names),)
    assert np.isfinite(vector).all()
    found = jax.jit(layout.unflatten)(vector)
    assert jax.tree.structure(found) == jax.tree.structure(tree)
    for one, other in zip(jax.tree.leaves(tree), jax.tree.leaves(found), strict=True):
        assert jnp.asarray(one).dtype == other.dtype
        assert words(one).tobytes() == words(other).tobytes()


def test_random_words_survive() -> None:
    drawn = jax.random.bits(jax.random.key(0), (4096,))
    layout = FlatState.of(drawn)
    np.testing.assert_array_equal(layout.unflatten(layout.flatten(drawn)), drawn)


def test_entries_are_named() -> None:
    layout = FlatState.of({"x": jnp.zeros((1, 2)), "time": 0})
    assert layout.names == ("time (lower 16 bits)", "time (upper 16 bits)", "x[0, 0]", "x[0, 1]")
    assert FlatState.of(jnp.zeros(2)).names == ("state[0]", "state[1]")


def test_layouts_are_equal_by_value() -> None:
    assert FlatState.of(example()) == FlatState.of(example())
    assert hash(FlatState.of(example())) == hash(FlatState.of(example()))
    assert FlatState.of(jnp.zeros(2)) != FlatState.of(jnp.zeros(3))


def test_vectors_off_the_integers_are_rounded() -> None:
    layout = FlatState.of({"bit": True, "byte": jnp.uint8(0), "number": 0})
    found = layout.unflatten(jnp.array([0.7, 300.0, 2.6, -3.0]))
    assert bool(found["bit"])
    assert int(found["byte"]) == 255
    assert int(found["number"]) == 3


def test_another_layout_is_refused() -> None:
    with pytest.raises(DataError, match="must stay"):
        FlatState.of(jnp.zeros(2)).flatten(jnp.zeros((2, 1)))


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match=r"float64 in a\.1"):
        FlatState.of({"a": (jnp.zeros(1), np.zeros(1))})
