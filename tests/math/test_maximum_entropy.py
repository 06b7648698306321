"""Soft backups and visits, against published numbers, sums over all paths and finite differences."""

import itertools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ilkit.math.maximum_entropy import best_values, occupancies, soft_values

H = 20
REWARDS = np.array([1.0, 2.0, 2.0, -20.0, 3.0])
INITIAL = np.array([0.5, 0.0, 0.0, 0.0, 0.5])


def reasonable():
    """The transitions of the problem that `imitation` tests with: five states, three actions."""
    T = np.zeros((5, 3, 5))
    T[0] = [[0, 0.9, 0.1, 0, 0], [0, 0, 0, 1, 0], [0, 0.1, 0.9, 0, 0]]
    T[1:3] = [[0, 0, 0, 0.05, 0.95], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    T[3, :, 4] = T[4, :, 0] = 1
    return T


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def solved(rewards):
    """The soft policy of rewards of states, and its visits."""
    T = jnp.asarray(reasonable())
    log_policy = soft_values(T, jnp.broadcast_to(jnp.asarray(rewards)[:, None], (5, 3)), H).log_policy
    return log_policy, occupancies(T, jnp.asarray(INITIAL), jnp.exp(log_policy))


def test_the_published_numbers():
    T = jnp.asarray(reasonable())
    values = soft_values(T, jnp.broadcast_to(jnp.asarray(REWARDS)[:, None], (5, 3)), H).values
    log_policy, visits = solved(REWARDS)
    np.testing.assert_allclose(values[0], [53.2983, 54.8364, 54.8364, 33.6495, 54.7447], atol=5e-5)
    np.testing.assert_allclose(np.exp(log_policy[0, 0]), [0.5, 3.1e-10, 0.5], rtol=0.01)
    np.testing.assert_allclose(visits.sum(axis=0), [6.9988, 3.3976, 3.3976, 0.4052, 6.8007], atol=5e-5)
    assert float(visits.sum()) == pytest.approx(H + 1)


def gradients(rewards):
    """The gradient of the expected log-likelihood of what the true rewards' policy does: by three ways, and by a fourth
    that counts the last state, in which nothing is done, as a visit too."""
    shown, seen = solved(REWARDS)
    chances = seen[:-1, :, None] * jnp.exp(shown)

    def log_likelihood(rewards):
        return jnp.sum(chances * solved(rewards)[0])

    step = 1e-5
    nudges = step * np.eye(5)
    differences = [(log_likelihood(rewards + one) - log_likelihood(rewards - one)) / (2 * step) for one in nudges]
    ours = solved(rewards)[1]
    return (
        np.asarray(jax.jit(jax.grad(log_likelihood))(jnp.asarray(rewards))),
        np.asarray(seen[:-1].sum(axis=0) - ours[:-1].sum(axis=0)),
        np.asarray(differences),
        np.asarray(seen.sum(axis=0) - ours.sum(axis=0)),
    )


@pytest.mark.parametrize("rewards", [np.zeros(5), np.random.default_rng(0).normal(size=5)], ids=["zero", "drawn"])
def test_the_gradient_is_the_difference_of_visits_in_the_steps_alone(rewards):
    automatic, by_visits, by_differences, with_the_last = gradients(rewards)
    np.testing.assert_allclose(automatic, by_visits, rtol=0, atol=1e-8)
    np.testing.assert_allclose(automatic, by_differences, rtol=0, atol=1e-8)
    assert np.abs(automatic - with_the_last).max() > 0.2  # 0.23 at the rewards that are drawn


def test_the_fit_matches_visits():
    wanted = solved(REWARDS)[1][:-1].sum(axis=0)
    optimizer = optax.adam(0.1)

    def step(carried, _):
        rewards, state = carried
        gap = solved(rewards)[1][:-1].sum(axis=0) - wanted
        updates, state = optimizer.update(gap, state)
        return (optax.apply_updates(rewards, updates), state), jnp.abs(gap).max()

    gaps = jax.jit(lambda: jax.lax.scan(step, (jnp.zeros(5), optimizer.init(jnp.zeros(5))), None, length=3000)[1])()
    assert float(gaps.min()) < 1e-3
    assert 1000 < int(np.argmax(gaps < 1e-3)) < 2500


def paths_of(T, rewards, start, horizon):
    """All paths from a state, with their weights exp(Σ R) Π T."""
    states, actions = T.shape[:2]
    for choices in itertools.product(range(actions), repeat=horizon):
        for led in itertools.product(range(states), repeat=horizon):
            visited = (start, *led)
            steps = list(zip(visited, choices, led, strict=False))
            yield visited, choices, np.prod([np.exp(rewards[s, a]) * T[s, a, n] for s, a, n in steps])


def test_the_path_distribution_is_the_sum_over_all_paths():
    random = np.random.default_rng(1)
    T, rewards = random.dirichlet(np.ones(3), (3, 2)), random.normal(size=(3, 2))
    soft = soft_values(jnp.asarray(T), jnp.asarray(rewards), 3, causal=False)
    paths = list(paths_of(T, rewards, 0, 3))
    total = sum(weight for *_, weight in paths)
    np.testing.assert_allclose(soft.values[0, 0], np.log(total), rtol=1e-12)
    first = [sum(weight for _, choices, weight in paths if choices[0] == a) / total for a in range(2)]
    np.testing.assert_allclose(np.exp(soft.log_policy[0, 0]), first, rtol=1e-12)
    visits = sum(weight * np.bincount(visited[:-1], minlength=3) for visited, _, weight in paths) / total
    gradient = jax.grad(lambda r: soft_values(jnp.asarray(T), r, 3, causal=False).values[0, 0])(jnp.asarray(rewards))
    np.testing.assert_allclose(gradient.sum(axis=1), visits, rtol=1e-10)


def test_the_two_are_one_where_nothing_is_left_to_chance_and_part_where_something_is():
    random = np.random.default_rng(2)
    rewards = jnp.asarray(random.normal(size=(4, 2)))
    certain = jnp.asarray(np.eye(4)[random.integers(4, size=(4, 2))])
    chancy = jnp.asarray(random.dirichlet(np.ones(4), (4, 2)))
    for T, same in ((certain, True), (chancy, False)):
        causal, paths = (soft_values(T, rewards, 5, causal=causal).values for causal in (True, False))
        assert np.allclose(causal, paths, rtol=1e-12) is same
        assert (paths >= causal - 1e-12).all()  # hoping for luck never lowers what is hoped for


def test_towards_no_randomness_the_soft_policy_is_the_best_one():
    random = np.random.default_rng(3)
    T, rewards = jnp.asarray(random.dirichlet(np.ones(4), (4, 3))), jnp.asarray(random.normal(size=(4, 3)))
    best = best_values(T, rewards, 6)
    soft = soft_values(T, rewards / 1e-4, 6)
    np.testing.assert_array_equal(soft.log_policy.argmax(axis=-1), best.argmax(axis=-1))
    np.testing.assert_allclose(soft.values[:-1] * 1e-4, best.max(axis=-1), atol=1e-2)
