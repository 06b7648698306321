import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from ilkit.math.divergences import (
    DIVERGENCES,
    FORWARD_KL,
    JENSEN_SHANNON,
    REVERSE_KL,
    TOTAL_VARIATION,
    divergence_of,
    from_generator,
)

PEARSON = from_generator(lambda u: (u - 1.0) ** 2)
HELLINGER = from_generator(lambda u: (jnp.sqrt(u) - 1.0) ** 2)
ALL = {**DIVERGENCES, "pearson": PEARSON, "hellinger": HELLINGER}
CONJUGATES = {
    "forward_kl": lambda t: np.exp(t - 1.0),
    "reverse_kl": lambda t: -1.0 - np.log(-t),
    "jensen_shannon": lambda t: -np.log(2.0 - np.exp(t)),
    "total_variation": lambda t: t,
    "pearson": lambda t: t + t**2 / 4.0,
    "hellinger": lambda t: t / (1.0 - t),
}


@pytest.mark.parametrize("name", ALL)
def test_f_is_convex_with_its_zero_at_equality(name):
    ratios = jnp.linspace(0.05, 5.0, 100)
    f = np.asarray(ALL[name].integrand(jnp.log(ratios), jnp.zeros(())))
    assert float(ALL[name].integrand(jnp.zeros(()), jnp.zeros(()))) == pytest.approx(0.0, abs=1e-6)
    assert (np.diff(f, 2) > -1e-5).all()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("value", [-0.7, 0.2, 0.9])
def test_the_learner_term_is_the_conjugate_by_its_definition_and_in_closed_form(name, value):
    divergence = ALL[name]
    slope = float(divergence.expert_term(jnp.asarray(value)))
    log_ratios = np.linspace(-12.0, 3.0, 200_001)
    f = np.asarray(divergence.integrand(jnp.asarray(log_ratios, jnp.float32), jnp.zeros(())), np.float64)
    by_definition = (np.exp(log_ratios) * slope - f).max()
    conjugate = float(divergence.learner_term(jnp.asarray(value)))
    assert conjugate == pytest.approx(by_definition, abs=1e-4)
    assert conjugate == pytest.approx(CONJUGATES[name](slope), abs=1e-5)


EXPERT = np.array([0.6, 0.3, 0.1])
LEARNER = np.array([0.2, 0.3, 0.5])
BY_HAND = {
    "forward_kl": np.sum(EXPERT * np.log(EXPERT / LEARNER)),
    "reverse_kl": np.sum(LEARNER * np.log(LEARNER / EXPERT)),
    "jensen_shannon": np.sum(EXPERT * np.log(2 * EXPERT / (EXPERT + LEARNER)))
    + np.sum(LEARNER * np.log(2 * LEARNER / (EXPERT + LEARNER))),
    "total_variation": 0.5 * np.abs(EXPERT - LEARNER).sum(),
    "pearson": np.sum((EXPERT - LEARNER) ** 2 / LEARNER),
    "hellinger": np.sum((np.sqrt(EXPERT) - np.sqrt(LEARNER)) ** 2),
}


@pytest.mark.parametrize("name", ALL)
def test_the_divergence_has_the_expert_first(name):
    value = float(divergence_of(ALL[name], jnp.log(EXPERT), jnp.log(LEARNER)))
    assert value == pytest.approx(BY_HAND[name], abs=1e-5)


BEST_CRITICS = {
    "forward_kl": lambda log_ratio: log_ratio,
    "reverse_kl": lambda log_ratio: log_ratio,
    "jensen_shannon": lambda log_ratio: log_ratio,
    "total_variation": lambda log_ratio: 20.0 * jnp.sign(log_ratio),
    "pearson": lambda log_ratio: log_ratio,
    "hellinger": lambda log_ratio: log_ratio,
}


@pytest.mark.parametrize("name", ALL)
def test_the_variational_bound_is_tight_at_the_best_critic_and_below_elsewhere(name):
    divergence = ALL[name]

    def bound(critic):
        return EXPERT @ divergence.expert_term(critic) - LEARNER @ divergence.learner_term(critic)

    best = BEST_CRITICS[name](jnp.log(EXPERT / LEARNER))
    assert float(bound(best)) == pytest.approx(BY_HAND[name], abs=1e-5)
    for other in (jnp.zeros(3), best + jnp.array([0.3, 0.0, -0.2]), 0.5 * best):
        assert float(bound(other)) <= BY_HAND[name] + 1e-6


POINTS = jnp.linspace(-12.0, 12.0, 4801)
CELL = 24.0 / 4800


def log_normal(mean, std):
    return -0.5 * ((POINTS - mean) / std) ** 2 - jnp.log(std) - 0.5 * np.log(2 * np.pi)


TWO_MODES = jnp.logaddexp(log_normal(-2.0, 0.5), log_normal(2.0, 0.5)) - np.log(2.0)


def fit(divergence, mean, std):
    @jax.jit
    @jax.value_and_grad
    def objective(parameters):
        return divergence_of(divergence, TWO_MODES, log_normal(parameters[0], jnp.exp(parameters[1])), CELL)

    def in_double(parameters):
        value, gradient = objective(jnp.asarray(parameters, jnp.float32))
        return float(value), np.asarray(gradient, np.float64)

    found = minimize(in_double, [mean, np.log(std)], jac=True, method="BFGS", options={"gtol": 1e-4})
    return abs(found.x[0]), np.exp(found.x[1]), found.fun


@pytest.mark.parametrize(
    ("divergence", "start", "expected"),
    [
        pytest.param(FORWARD_KL, (0.7, 1.0), (0.0, 2.0616, 0.7236), id="forward_kl-covers"),
        pytest.param(REVERSE_KL, (1.5, 1.0), (2.0, 0.5, np.log(2.0)), id="reverse_kl-seeks"),
        pytest.param(JENSEN_SHANNON, (0.3, 1.8), (0.0, 2.042, 2 * 0.2010), id="jensen_shannon-covers"),
        pytest.param(JENSEN_SHANNON, (1.9, 0.6), (2.0, 0.5007, 2 * 0.2157), id="jensen_shannon-local"),
        pytest.param(TOTAL_VARIATION, (1.7, 1.0), (1.759, 0.962, 0.4925), id="total_variation-lopsided"),
    ],
)
def test_a_gaussian_fitted_to_two_modes_is_where_each_divergence_puts_it(divergence, start, expected):
    mean, std, value = fit(divergence, *start)
    assert mean == pytest.approx(expected[0], abs=3e-3)
    assert std == pytest.approx(expected[1], abs=3e-3)
    assert value == pytest.approx(expected[2], abs=3e-4)


@pytest.mark.parametrize("divergence", [FORWARD_KL, REVERSE_KL], ids=["forward_kl", "reverse_kl"])
def test_densities_far_apart_keep_their_value_and_gradient(divergence):
    def objective(mean):
        return divergence_of(divergence, log_normal(-8.0, 0.5), log_normal(mean, 0.5), CELL)

    value, gradient = jax.value_and_grad(objective)(jnp.asarray(8.0))
    assert float(value) == pytest.approx(0.5 * 32.0**2, rel=1e-3)
    assert float(gradient) == pytest.approx(64.0, rel=1e-3)


def test_a_generator_stays_finite_far_apart():
    assert np.isfinite(divergence_of(HELLINGER, log_normal(-8.0, 0.5), log_normal(8.0, 0.5), CELL))
