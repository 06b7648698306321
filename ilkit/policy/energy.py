"""The energy head: the action is where a learnt energy is least (Florence et al., Implicit Behavioral Cloning, 2021).

InfoNCE tells the demonstrated action from negatives ã_j, uniform over the range of all that was demonstrated and a
little beyond:

    minimize -log(exp(-E(s, a)) / (exp(-E(s, a)) + Σ_j exp(-E(s, ã_j)))),

whose optimum is exp(-E(s, a)) ∝ π(a | s). Actions are searched among candidates, uniform at first: `derivative_free`
redraws them by exp(-E) and adds noise that shrinks; `langevin` moves them along -∂E/∂a with noise, and is fitted with a
penalty on slopes of E above a margin.
"""

from typing import Annotated, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.nn.conditional_head import ConditionalHead, ConditionalSpec, prepared
from ilkit.nn.perceptron import Layers, build_layers


class Energy(ConditionalSpec):
    """An energy that is least at demonstrated actions, told from random ones (Florence et al., 2021)."""

    kind: Literal["energy"] = "energy"
    margin: NonNegativeFloat = 0.05
    """How far beyond the range of the demonstrated actions they are searched, in units of half of it."""
    num_negatives: PositiveInt = 64
    """The random actions that a demonstrated one is told from."""
    sampler: Literal["derivative_free", "langevin"] = "derivative_free"
    """How candidates are improved: redrawn with shrinking noise, or moved along the gradient of the energy."""
    num_candidates: PositiveInt = 256
    """The candidates that an action is chosen from."""
    num_iterations: PositiveInt = 3
    """How often candidates are redrawn."""
    initial_noise: PositiveFloat = 0.33
    """The noise of the first redrawn candidates, in units of half the range of the demonstrated actions."""
    noise_decay: Annotated[float, Field(gt=0, le=1)] = 0.5
    """What the noise is multiplied by each time."""
    num_langevin_steps: PositiveInt = 25
    """The steps of `langevin`."""
    initial_step: PositiveFloat = 0.1
    """λ, the first step size of `langevin`, in the same units; it falls quadratically."""
    final_step: PositiveFloat = 1e-3
    """The last step size of `langevin`."""
    largest_move: PositiveFloat = 0.1
    """How far a candidate moves in one step of `langevin` at most, in the same units, in each entry."""
    slope_margin: PositiveFloat = 10.0
    """Slopes of the energy above this are penalized where the sampler is `langevin`, per unit."""
    slope_weight: NonNegativeFloat = 1.0
    """The weight of the penalty, the mean of their squared excess."""


class EnergyPolicy(ConditionalHead):
    """argmin_a E(s, a), or a ~ exp(-E(s, ·)), with E from layers on the action and network((s - mean) / std)."""

    layers: Layers
    spec: Energy = eqx.field(static=True)
    has_smooth_mode: ClassVar[bool] = False

    def energies(
        self, outputs: Float[Array, " features"], points: Float[Array, "points act"]
    ) -> Float[Array, " points"]:
        """E(s, a) of actions in units of the head."""
        features = jnp.broadcast_to(outputs, (len(points), len(outputs)))
        return self.layers(jnp.concatenate([points, features], axis=1))[:, 0]

    def mode_from(self, outputs: Float[Array, " features"]) -> Float[Array, " act"]:
        """The candidate of least energy, of those that one fixed key draws."""
        points, energies = self._candidates(outputs, jax.random.key(0))
        return self.units.action(points[jnp.argmin(energies)])

    def sample_from(self, outputs: Float[Array, " features"], *, key: PRNGKeyArray) -> Float[Array, " act"]:
        """Draws one of the candidates by exp(-E): sharper than exp(-E) where they gather at small energies."""
        candidates_key, choice_key = jax.random.split(key)
        points, energies = self._candidates(outputs, candidates_key)
        return self.units.action(points[jax.random.categorical(choice_key, -energies)])

    def loss_from(self, outputs: Float[Array, " features"], action: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """InfoNCE, in nats: log(1 + number of negatives) where nothing is learnt."""
        negatives = self._uniform(self.spec.num_negatives, key)
        points = jnp.concatenate([self.units.raw(action)[None], negatives])
        loss = -jax.nn.log_softmax(-self.energies(outputs, points))[0]
        if self.spec.sampler == "derivative_free":
            return loss
        steepest = jnp.max(jnp.abs(self._slopes(outputs, points)), axis=1)
        excess = jnp.maximum(steepest - self.spec.slope_margin, 0.0)
        return loss + self.spec.slope_weight * jnp.mean(excess**2)

    @property
    def _limit(self) -> float:
        return 1.0 + self.spec.margin

    def _uniform(self, count: int, key: PRNGKeyArray) -> Float[Array, "points act"]:
        shape = (count, self.spaces.action.size)
        return jax.random.uniform(key, shape, minval=-self._limit, maxval=self._limit)

    def _slopes(
        self, outputs: Float[Array, " features"], points: Float[Array, "points act"]
    ) -> Float[Array, "points act"]:
        return jax.grad(lambda points: jnp.sum(self.energies(outputs, points)))(points)

    def _candidates(
        self, outputs: Float[Array, " features"], key: PRNGKeyArray
    ) -> tuple[Float[Array, "points act"], Float[Array, " points"]]:
        """Candidates near small energies, and these."""
        start_key, improve_key = jax.random.split(key)
        start = self._uniform(self.spec.num_candidates, start_key)
        improve = self._redrawn if self.spec.sampler == "derivative_free" else self._moved
        points = improve(outputs, start, improve_key)
        return points, self.energies(outputs, points)

    def _redrawn(
        self, outputs: Float[Array, " features"], start: Float[Array, "points act"], key: PRNGKeyArray
    ) -> Float[Array, "points act"]:

        def step(
            points: Float[Array, "points act"], given: tuple[Float[Array, ""], PRNGKeyArray]
        ) -> tuple[Float[Array, "points act"], None]:
            noise, step_key = given
            choice_key, noise_key = jax.random.split(step_key)
            chosen = jax.random.categorical(choice_key, -self.energies(outputs, points), shape=(len(points),))
            return jnp.clip(
                points[chosen] + noise * jax.random.normal(noise_key, points.shape), -self._limit, self._limit
            ), None

        count = self.spec.num_iterations
        noises = self.spec.initial_noise * self.spec.noise_decay ** jnp.arange(count)
        return jax.lax.scan(step, start, (noises, jax.random.split(key, count)))[0]

    def _moved(
        self, outputs: Float[Array, " features"], start: Float[Array, "points act"], key: PRNGKeyArray
    ) -> Float[Array, "points act"]:
        spec, count = self.spec, self.spec.num_langevin_steps

        def step(
            points: Float[Array, "points act"], given: tuple[Float[Array, ""], PRNGKeyArray]
        ) -> tuple[Float[Array, "points act"], None]:
            size, step_key = given
            move = size * (0.5 * self._slopes(outputs, points) + jax.random.normal(step_key, points.shape))
            return jnp.clip(
                points - jnp.clip(move, -spec.largest_move, spec.largest_move), -self._limit, self._limit
            ), None

        left = 1.0 - jnp.arange(count) / max(count - 1, 1)
        sizes = spec.final_step + (spec.initial_step - spec.final_step) * left**2
        return jax.lax.scan(step, start, (sizes, jax.random.split(key, count)))[0]


def policy(spec: Energy, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head, not fitted yet.

    **Raises:** `DataError` where actions are discrete.
    """
    network_key, layers_key = jax.random.split(key)
    fields = prepared("energy", spec, network, spaces, key=network_key)
    sizes = (spaces.action.size + spec.features, *spec.hidden, 1)
    return EnergyPolicy(layers=build_layers(sizes, spec.activation, key=layers_key), spec=spec, **fields)
