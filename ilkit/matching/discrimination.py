"""Gradient steps of a discriminator.

It raises E_expert[e(V)] - E_learner[l(V)], for two functions of its value V, e for the demonstrated steps and l for
those of the learner. Both expectations have the absorbing state with its share of the weight; a gradient penalty is
taken at random points between demonstrated and tried steps.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.fitting.gradient import descend
from ilkit.matching.adversarial_spec import AdversarialSpec
from ilkit.matching.discriminator import Discriminator
from ilkit.matching.pairs import weighted_mean
from ilkit.matching.spectral import next_directions, normalized


@runtime_checkable
class Game(Protocol):
    """The two functions of V, such as a `Divergence`."""

    @property
    def expert_term(self) -> Callable[..., Float[Array, "..."]]:
        """e, whose mean over demonstrated steps is raised."""

    @property
    def learner_term(self) -> Callable[..., Float[Array, "..."]]:
        """l, whose mean over tried steps is lowered."""


class Fitted(NamedTuple):
    """A discriminator in training."""

    trained: PyTree
    fixed: PyTree
    """The part of it that isn't trained."""
    optimizer: optax.OptState
    directions: PyTree | None
    """Where its matrices are the longest, where they are to be normalized by it."""

    @property
    def discriminator(self) -> Discriminator:
        """The discriminator as it is now."""
        trained = self.trained if self.directions is None else normalized(self.trained, self.directions)
        found: Discriminator = eqx.combine(trained, self.fixed)
        return found


class Side(NamedTuple):
    """The steps of one side, rows leading; or those of several batches, before which batches lead."""

    seen: PyTree
    """What the discriminator sees of them."""
    log_probs: Float[Array, "*rows"] | None
    """log π(a | s), where it is subtracted from V."""


class Shares(NamedTuple):
    """The share of the absorbing state on each side."""

    expert: Float[Array, ""]
    learner: Float[Array, ""]


class Told(NamedTuple):
    """What a gradient step tells."""

    loss: Float[Array, ""]
    accuracy: Float[Array, ""]
    """The share of steps on the right side of V = 0, of both sides alike."""


def discriminate(
    spec: AdversarialSpec, game: Game, fitted: Fitted, sides: tuple[Side, Side], shares: Shares, *, key: PRNGKeyArray
) -> tuple[Fitted, Told]:
    """Takes a gradient step on each batch of the expert's and the learner's steps; what they tell is averaged."""
    optimizer = optax.adam(spec.discriminator_learning_rate)
    blends = None
    if spec.gradient_penalty is not None:
        shape = (spec.num_discriminator_steps, spec.discriminator_batch_size)
        blends = jax.random.uniform(key, (shape[0] * shape[1],)).reshape(shape)

    def step(fitted: Fitted, batch: tuple[Side, Side, Array | None]) -> tuple[Fitted, Told]:
        if fitted.directions is not None:
            fitted = fitted._replace(directions=next_directions(fitted.trained, fitted.directions))

        def loss(trained: PyTree) -> tuple[Float[Array, ""], Told]:
            return discrimination_loss(spec, game, fitted._replace(trained=trained).discriminator, *batch, shares)

        gradient, told = jax.grad(loss, has_aux=True)(fitted.trained)
        trained, moments = descend(optimizer, gradient, fitted.optimizer, fitted.trained)
        return fitted._replace(trained=trained, optimizer=moments), told

    fitted, told = jax.lax.scan(step, fitted, (*sides, blends))
    return fitted, Told(*jax.tree.map(jnp.mean, told))


def discrimination_loss(
    spec: AdversarialSpec,
    game: Game,
    discriminator: Discriminator,
    expert: Side,
    learner: Side,
    blends: Float[Array, " batch"] | None,
    shares: Shares,
) -> tuple[Float[Array, ""], Told]:
    """E_learner[l(V)] - E_expert[e(V)] and the gradient penalty, and what it tells."""
    absorbing = discriminator.see_absorbing()
    absorbed = None if absorbing is None else discriminator.values(absorbing)[0]
    demonstrated, tried = (logits_of(discriminator, side) for side in (expert, learner))

    def over(function: Callable[..., Array], values: Float[Array, " batch"], share: Array) -> Float[Array, ""]:
        return weighted_mean(function(values), None if absorbed is None else function(absorbed), share)

    raised = over(lambda values: expert_term(spec, game, values), demonstrated, shares.expert)
    value = over(game.learner_term, tried, shares.learner) - raised
    hits = over(lambda values: (values > 0).astype(jnp.float32), demonstrated, shares.expert)
    misses = over(lambda values: (values < 0).astype(jnp.float32), tried, shares.learner)
    told = Told(value, 0.5 * (hits + misses))
    if spec.gradient_penalty is None or blends is None:
        return value, told
    return value + spec.gradient_penalty * gradient_penalty(
        discriminator, expert.seen, learner.seen, blends, spec.gradient_norm_target
    ), told


def logits_of(discriminator: Discriminator, side: Side) -> Float[Array, "*rows"]:
    """V of steps, less log π(a | s) where that is subtracted."""
    values = discriminator.values(side.seen)
    return values if side.log_probs is None else values - side.log_probs


def expert_term(spec: AdversarialSpec, game: Game, values: Float[Array, "..."]) -> Float[Array, "..."]:
    """e(V), smoothed: (1 - ε) e(V) - ε l(V)."""
    term = game.expert_term(values)
    smoothing = spec.label_smoothing
    return term if smoothing is None else (1.0 - smoothing) * term - smoothing * game.learner_term(values)


def gradient_penalty(
    discriminator: Discriminator, expert: PyTree, learner: PyTree, blends: Float[Array, " batch"], target: int
) -> Float[Array, ""]:
    """The mean of (‖∇V(x)‖ - target)² where x lies between a demonstrated and a tried step."""

    def blended(blend: Float[Array, ""], one: Array, other: Array) -> Array:
        return blend * one + (1.0 - blend) * other

    points = jax.tree.map(lambda one, other: jax.vmap(blended)(blends, one, other), expert, learner)
    gradients = jax.vmap(jax.grad(lambda point: discriminator.values(_row(point))[0]))(points)
    squares = sum(jnp.sum(leaf**2, axis=tuple(range(1, leaf.ndim))) for leaf in jax.tree.leaves(gradients))
    if target == 0:
        return jnp.mean(squares)
    return jnp.mean((jnp.sqrt(squares + 1e-12) - target) ** 2)


def _row(point: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[None], point)
