"""Statistics of observations, of all at once and of blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data import normalizer
from ilkit.data.normalizer import Normalizer


def test_only_valid_rows_count_and_pixels_stay_as_they_are() -> None:
    obs = {"at": jnp.array([[1.0], [3.0], [100.0]]), "seen": jnp.array([[1], [2], [3]], jnp.uint8)}
    found = Normalizer.fit(obs, jnp.array([True, True, False]))
    assert (float(found.mean["at"][0]), float(found.std["at"][0])) == (2.0, 1.0)
    assert found.mean["seen"] is None
    assert found(obs)["seen"].dtype == jnp.uint8


@pytest.mark.parametrize("constant", [5.3, 100.3, -1e6])
def test_a_constant_entry_is_only_centered(constant: float) -> None:
    rows = jnp.stack([jnp.full(1003, constant, jnp.float32), jnp.linspace(-1.0, 1.0, 1003)], axis=1)
    found = Normalizer.fit(rows.at[-1].set(7.0), jnp.arange(1003) < 1002)
    assert (float(found.mean[0]), float(found.std[0])) == (float(jnp.float32(constant)), 1.0)
    assert float(found.std[1]) < 1.0


@pytest.mark.parametrize("capacity", [64, 72])
def test_blocks_add_up_to_the_whole(monkeypatch: pytest.MonkeyPatch, capacity: int) -> None:
    rows = jnp.asarray(np.random.default_rng(0).normal(3.0, 2.0, (capacity, 5)), jnp.float32)
    valid = jnp.arange(capacity) < capacity - 9
    whole = Normalizer.fit(rows, valid)
    read: list[int] = []
    monkeypatch.setattr(normalizer, "_BLOCK_ENTRIES", 100)

    def watched(places: jax.Array) -> jax.Array:
        read.append(len(places))
        return rows[places]

    blocks = Normalizer.fit_rows(watched, valid)
    assert max(read) == {64: 16, 72: 8}[capacity]
    np.testing.assert_allclose(blocks.mean, whole.mean, rtol=1e-5)
    np.testing.assert_allclose(blocks.std, whole.std, rtol=1e-5)
