"""What is new has a large bonus, which fades where one has been."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.reinforcement.novelty import Novelty, RunningMoments


def explored(rows, num_steps, rate=1e-3):
    """After so many steps, each of which visits one row of several environments and learns from 32 of them."""

    def step(novelty, key):
        visited = rows[jax.random.randint(key, (4,), 0, len(rows))]
        batch = rows[jax.random.randint(key, (32,), 0, len(rows))]
        return novelty.visited(visited, 0.99).learnt(batch, rate), None

    start = Novelty.empty(rows.shape[1], 4, key=jax.random.key(0))
    run = eqx.filter_jit(lambda start: jax.lax.scan(step, start, jax.random.split(jax.random.key(1), num_steps))[0])
    return run(start)


@pytest.mark.parametrize("cells", [True, False])
def test_a_new_state_is_worth_ten_times_an_old_one(cells):
    random = np.random.default_rng(0)
    old = jnp.eye(100)[:50] if cells else jnp.asarray(random.normal(size=(50, 4)) * [1, 10, 0.1, 1], jnp.float32)
    new = jnp.eye(100)[50:] if cells else old + jnp.asarray(random.normal(size=(50, 4)) * [3, 30, 0.3, 3], jnp.float32)
    novelty = explored(old, 1500)
    assert novelty.bonus(new).mean() > 10 * novelty.bonus(old).mean()
    if cells:
        assert novelty.bonus(new).min() > 10 * novelty.bonus(old).mean()


def test_the_bonus_fades_with_visits():
    rows = jnp.eye(20)
    errors = [float(explored(rows, count).error(rows).mean()) for count in (1, 100, 400, 1600)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.02 * errors[0]


def test_its_unit_is_the_standard_deviation_of_discounted_sums_along_each_environment():
    visits = jnp.asarray(np.random.default_rng(0).normal(size=(30, 2, 3)), jnp.float32)
    novelty, errors = Novelty.empty(3, 2, key=jax.random.key(0)), []
    for inputs in visits:
        novelty = novelty.visited(inputs, 0.9)
        errors.append(novelty.error(inputs))
    sums = [sum(0.9 ** (at - before) * errors[before] for before in range(at + 1)) for at in range(30)]
    assert novelty.returns.std == pytest.approx(float(np.std(sums)), rel=1e-3)
    np.testing.assert_allclose(novelty.bonus(visits[0]), novelty.error(visits[0]) / np.std(sums), rtol=1e-3)


def test_moments_are_those_of_all_rows():
    rows = jnp.asarray(np.random.default_rng(0).normal(3.0, 2.0, size=(60, 3)), jnp.float32)
    moments = RunningMoments.empty((3,))
    for part in jnp.split(rows, [1, 20, 50]):
        moments = moments.add(part)
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(moments.std, rows.std(axis=0), rtol=1e-3)
