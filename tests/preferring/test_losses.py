"""Each loss has the optimum of its paper, by population loss; settings of zero are the plain form, bit for bit."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import Array, Float

from ilkit.preferring.losses import anchor_loss, bradley_terry_loss, cpl_loss, dpo_loss, hinge_loss, ipo_loss

pytestmark = pytest.mark.bits

REWARDS = jnp.asarray([0.0, 1.0, 2.0])
TRUE = jax.nn.sigmoid(REWARDS[:, None] - REWARDS[None, :])
"""P(i ≻ j) by Bradley and Terry."""
RATIOS = jnp.asarray([-30.0, -2.5, -0.3, 0.0, 0.7, 4.0, 30.0])
ANSWERS = jnp.asarray([1.0, 0.0, 0.5, 1.0, 0.5, 0.0, 1.0])


def descended(loss: Callable[[Array], Array], start: Array) -> Array:
    """Where a smooth loss of few numbers is least."""
    optimizer = optax.lbfgs()
    value_and_grad = optax.value_and_grad_from_state(loss)

    def step(carried: tuple[Array, optax.OptState], _: None) -> tuple[tuple[Array, optax.OptState], None]:
        at, state = carried
        value, gradient = value_and_grad(at, state=state)
        updates, state = optimizer.update(gradient, state, at, value=value, grad=gradient, value_fn=loss)
        return (optax.apply_updates(at, updates), state), None

    return jax.jit(lambda: jax.lax.scan(step, (start, optimizer.init(start)), length=60)[0][0])()


def learnt(of_pairs: Callable[[Array, Array], Array], reference: Array) -> Float[np.ndarray, " arms"]:
    """The policy of least mean loss over all pairs of arms, each answered as often as it is in truth."""

    def loss(logits: Array) -> Array:
        ratios = jax.nn.log_softmax(logits) - jnp.log(reference)
        return jnp.mean(of_pairs(ratios[:, None] - ratios[None, :], TRUE))

    return np.asarray(jax.nn.softmax(descended(loss, jnp.log(reference))))


UNIFORM = jnp.full(3, 1 / 3)


@pytest.mark.parametrize(("beta", "golden"), [(1.0, [0.0900, 0.2447, 0.6652]), (0.5, [0.0159, 0.1173, 0.8668])])
def test_dpo_learns_the_tilted_reference(beta: float, golden: list[float]) -> None:
    found = learnt(partial(dpo_loss, beta=beta), UNIFORM)
    np.testing.assert_allclose(found, golden, atol=6e-5)


@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_dpo_is_bradley_terry_with_exact_reinforcement(beta: float) -> None:
    reference = jnp.asarray([0.5, 0.3, 0.2])

    def loss(rewards: Array) -> Array:
        return jnp.mean(bradley_terry_loss(rewards[:, None] - rewards[None, :], TRUE))

    rewards = descended(loss, jnp.zeros(3))
    exact = jax.nn.softmax(jnp.log(reference) + rewards / beta)
    np.testing.assert_allclose(learnt(partial(dpo_loss, beta=beta), reference), exact, atol=1e-4)


@pytest.mark.parametrize(("beta", "golden"), [(1.0, [0.2681, 0.3288, 0.4031]), (0.5, [0.2099, 0.3156, 0.4745])])
def test_ipo_has_another_optimum(beta: float, golden: list[float]) -> None:
    found = learnt(partial(ipo_loss, beta=beta), UNIFORM)
    closed = jax.nn.softmax(jnp.mean(2 * TRUE - 1, axis=1) / (2 * beta))
    np.testing.assert_allclose(found, closed, atol=1e-5)
    np.testing.assert_allclose(found, golden, atol=1e-4)


@pytest.mark.parametrize("beta", [0.1, 1.0, 3.0])
def test_the_weight_of_a_gradient_is_how_wrong_the_rewards_are(beta: float) -> None:
    found = jax.vmap(jax.grad(lambda ratio: dpo_loss(ratio, jnp.ones(()), beta)))(RATIOS)
    np.testing.assert_allclose(found, -beta * jax.nn.sigmoid(-beta * RATIOS), rtol=1e-6, atol=1e-7)


def bits(loss: Callable[..., Array]) -> tuple[bytes, bytes]:
    """The values and the gradients of a loss of ratios, answers, β and 0, compiled with all of them traced."""

    def both(ratios: Array, *given: Array) -> tuple[Array, Array]:
        return loss(ratios, *given), jax.grad(lambda one: loss(one, *given).sum())(ratios)

    values, gradient = jax.jit(both)(RATIOS, ANSWERS, jnp.asarray(0.1), jnp.zeros(()))
    assert np.isfinite(values).all()
    assert np.isfinite(gradient).all()
    return np.asarray(values).tobytes(), np.asarray(gradient).tobytes()


def plain(ratios: Array, answers: Array, beta: Array, nothing: Array) -> Array:
    return -(answers * jax.nn.log_sigmoid(beta * ratios) + (1 - answers) * jax.nn.log_sigmoid(-beta * ratios))


@pytest.mark.parametrize("robust", [False, True])
def test_no_smoothing_is_the_plain_form_bit_for_bit(robust: bool) -> None:
    assert bits(partial(dpo_loss, robust=robust)) == bits(plain)


def test_no_mistake_is_the_plain_form_bit_for_bit() -> None:
    assert bits(lambda ratios, answers, _, zero: bradley_terry_loss(ratios, answers, zero)) == bits(
        lambda ratios, answers, *_: (
            -(answers * jax.nn.log_sigmoid(ratios) + (1 - answers) * jax.nn.log_sigmoid(-ratios))
        )
    )


def test_mistakes_bound_what_an_answer_can_cost() -> None:
    found = bradley_terry_loss(jnp.asarray([-100.0, 100.0, 0.4]), jnp.ones(3), 0.2)
    closed = -np.log([0.2, 0.8, 0.2 + 0.6 / (1 + np.exp(-0.4))])
    np.testing.assert_allclose(found, closed, rtol=5e-6)


def test_conservative_dpo_has_a_finite_optimum() -> None:
    at_best = jax.grad(lambda ratio: dpo_loss(ratio, jnp.ones(()), 0.5, 0.1))(jnp.log(jnp.asarray(9.0)) / 0.5)
    assert abs(float(at_best)) < 1e-7


def test_the_robust_form_is_unbiased() -> None:
    mistake = 0.2
    over_mistakes = (1 - mistake) * dpo_loss(RATIOS, jnp.ones(7), 0.5, mistake, robust=True) + mistake * dpo_loss(
        RATIOS, jnp.zeros(7), 0.5, mistake, robust=True
    )
    np.testing.assert_allclose(over_mistakes, dpo_loss(RATIOS, jnp.ones(7), 0.5), rtol=1e-5, atol=1e-6)


def test_hinge_is_content_with_a_margin() -> None:
    np.testing.assert_allclose(hinge_loss(RATIOS, jnp.ones(7), 0.5), np.maximum(0, 1 - 0.5 * RATIOS))
    np.testing.assert_allclose(hinge_loss(RATIOS, jnp.zeros(7), 0.5), np.maximum(0, 1 + 0.5 * RATIOS))


def test_cpl_learns_advantages_where_nothing_is_biased() -> None:
    first, second = jnp.asarray([-1.0, -3.0]), jnp.asarray([-2.0, -0.5])
    np.testing.assert_allclose(
        cpl_loss(first, second, jnp.asarray([1.0, 0.0]), 0.5),
        -jax.nn.log_sigmoid(0.5 * jnp.asarray([1.0, 2.5])),
        rtol=1e-6,
    )
    biased = cpl_loss(first, second, jnp.ones(2), 0.5, 0.5)
    np.testing.assert_allclose(biased, -jax.nn.log_sigmoid(0.5 * (first - 0.5 * second)), rtol=1e-6)


def test_the_anchor_is_the_likelihood_of_the_preferred_clip() -> None:
    first, second = jnp.asarray([-1.0, -3.0, -2.0]), jnp.asarray([-2.0, -0.5, -4.0])
    np.testing.assert_array_equal(anchor_loss(first, second, jnp.asarray([1.0, 0.0, 0.5])), [1.0, 0.5, 3.0])


def test_the_order_of_a_pair_says_nothing() -> None:
    for loss in (partial(dpo_loss, beta=0.3, label_smoothing=0.1), partial(ipo_loss, beta=0.3), bradley_terry_loss):
        np.testing.assert_allclose(loss(RATIOS, ANSWERS), loss(-RATIOS, 1 - ANSWERS), rtol=1e-6)
