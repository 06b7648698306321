"""A flag that many runs have alike decides for all of them at once."""

import jax
import jax.numpy as jnp
import numpy as np

from ilkit.fitting.alike import alike


def chosen(step, value):
    return jax.lax.cond(alike(step > 3), lambda value: value + 1.0, lambda value: value, value)


def test_one_side_is_computed_for_all() -> None:
    values, steps = jnp.arange(3.0), jnp.full(3, 4)
    np.testing.assert_array_equal(jax.vmap(chosen)(steps, values), values + 1.0)
    np.testing.assert_array_equal(jax.vmap(chosen)(steps - 1, values), values)
    assert chosen(jnp.array(4), 1.0) == 2.0
    made = str(jax.make_jaxpr(jax.vmap(chosen))(steps, values))
    assert "cond[" in made
    assert "select_n" not in made
