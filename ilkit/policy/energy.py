"""The energy head: the action is where a learnt energy is least (Florence et al., Implicit Behavioral Cloning, 2021).

InfoNCE tells the demonstrated action from negatives ã_j ~ q:

    minimize -log(exp(-E(s, a)) / (exp(-E(s, a)) + Σ_j exp(-E(s, ã_j)))),

whose optimum is exp(-E(s, a)) ∝ π(a | s) / q(a) (Ma and Collins, Noise Contrastive Estimation, 2018). Florence et al.
take q uniform over the range of all that was demonstrated and a little beyond. Of many entries that depend on each
other, as those of a chunk do, such negatives are nothing like an action, and to tell them apart teaches nothing: there
q = N(m, C), with the mean and the covariance of what was demonstrated, and the points are C^-½ (a - m).

Actions are searched among candidates, drawn from q at first, by U = E - log q: `derivative_free` redraws them by
exp(-U) and adds noise that shrinks; `langevin` moves them along -∂U/∂a with noise, and is fitted with a penalty on
slopes of E above a margin.
"""

from collections.abc import Callable
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
from ilkit.data.windows import Transitions
from ilkit.nn.conditional_head import ConditionalHead, ConditionalSpec, prepared
from ilkit.nn.perceptron import Layers, build_layers
from ilkit.nn.whitening import Whitening


class Energy(ConditionalSpec):
    """An energy that is least at demonstrated actions, told from random ones (Florence et al., 2021)."""

    kind: Literal["energy"] = "energy"
    proposal: Literal["uniform", "gaussian"] = "uniform"
    """q, what negatives and first candidates are drawn from: uniform over the range of the demonstrated actions, or of
    their mean and covariance, for actions of many entries. Its units are half the range, or standard deviations."""
    margin: NonNegativeFloat = 0.05
    """How far beyond the range of the demonstrated actions a uniform proposal reaches."""
    num_negatives: PositiveInt = 64
    """The random actions that a demonstrated one is told from."""
    sampler: Literal["derivative_free", "langevin"] = "derivative_free"
    """How candidates are improved: redrawn with shrinking noise, or moved along the gradient of the energy."""
    num_candidates: PositiveInt = 256
    """The candidates that an action is chosen from."""
    num_iterations: PositiveInt = 3
    """How often candidates are redrawn."""
    initial_noise: PositiveFloat = 0.33
    """The noise of the first redrawn candidates, in the units of the proposal."""
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

    def idle(self) -> dict[str, str]:
        """The settings of the sampler that isn't chosen, and of the proposal that isn't."""
        langevin = ("num_langevin_steps", "initial_step", "final_step", "largest_move", "slope_margin", "slope_weight")
        redrawing = ("num_iterations", "initial_noise", "noise_decay")
        other, names = ("derivative_free", redrawing) if self.sampler == "langevin" else ("langevin", langevin)
        found = dict.fromkeys(names, f"sampler is {other}")
        return found if self.proposal == "uniform" else {**found, "margin": "proposal is uniform"}


class EnergyPolicy(ConditionalHead):
    """argmin_a U(s, a), or a ~ exp(-U(s, ·)), with U = E - log q, E from layers on network((s - mean) / std) and the
    action, in the units of the proposal.
    """

    layers: Layers
    whitening: Whitening | None
    """The units of a Gaussian proposal."""
    spec: Energy = eqx.field(static=True)
    has_smooth_mode: ClassVar[bool] = False

    def fitted(self, transitions: Transitions) -> "EnergyPolicy":
        """The policy with the statistics of observations, and the units of the proposal."""
        fitted = super().fitted(transitions)
        if self.whitening is None:
            return fitted
        return eqx.tree_at(lambda head: head.whitening, fitted, Whitening.fit(fitted.units, transitions))

    def energies(
        self, outputs: Float[Array, " features"], points: Float[Array, "points act"]
    ) -> Float[Array, " points"]:
        """E(s, a) of actions in the units of the proposal."""
        features = jnp.broadcast_to(outputs, (len(points), len(outputs)))
        return self.layers(jnp.concatenate([points, features], axis=1))[:, 0]

    def mode_from(self, outputs: Float[Array, " features"]) -> Float[Array, " act"]:
        """The candidate of least energy, of those that one fixed key draws."""
        points, potentials = self._candidates(outputs, jax.random.key(0))
        return self._action(points[jnp.argmin(potentials)])

    def sample_from(self, outputs: Float[Array, " features"], *, key: PRNGKeyArray) -> Float[Array, " act"]:
        """Draws one of the candidates by exp(-U): sharper than exp(-U) where they gather at small energies."""
        candidates_key, choice_key = jax.random.split(key)
        points, potentials = self._candidates(outputs, candidates_key)
        return self._action(points[jax.random.categorical(choice_key, -potentials)])

    def loss_from(self, outputs: Float[Array, " features"], action: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """InfoNCE, in nats: log(1 + number of negatives) where nothing is learnt."""
        negatives_key, noise_key = jax.random.split(key)
        negatives = self._proposed(self.spec.num_negatives, negatives_key)
        points = jnp.concatenate([self._point(action, noise_key)[None], negatives])
        loss = -jax.nn.log_softmax(-self.energies(outputs, points))[0]
        if self.spec.sampler == "derivative_free":
            return loss
        steepest = jnp.max(jnp.abs(_slopes(lambda points: self.energies(outputs, points), points)), axis=1)
        excess = jnp.maximum(steepest - self.spec.slope_margin, 0.0)
        return loss + self.spec.slope_weight * jnp.mean(excess**2)

    def _point(self, action: Float[Array, " act"], key: PRNGKeyArray) -> Float[Array, " act"]:
        raw = self.units.raw(action)
        return raw if self.whitening is None else self.whitening.white(raw, key=key)

    def _action(self, point: Float[Array, " act"]) -> Float[Array, " act"]:
        return self.units.action(point if self.whitening is None else self.whitening.colored(point))

    def _proposed(self, count: int, key: PRNGKeyArray) -> Float[Array, "points act"]:
        shape = (count, self.spaces.action.size)
        if self.whitening is not None:
            return jax.random.normal(key, shape)
        return jax.random.uniform(key, shape, minval=-self._limit, maxval=self._limit)

    @property
    def _limit(self) -> float:
        return 1.0 + self.spec.margin if self.whitening is None else jnp.inf

    def _potentials(
        self, outputs: Float[Array, " features"], points: Float[Array, "points act"]
    ) -> Float[Array, " points"]:
        """E - log q, but for a constant."""
        energies = self.energies(outputs, points)
        return energies if self.whitening is None else energies + 0.5 * jnp.sum(points**2, axis=1)

    def _candidates(
        self, outputs: Float[Array, " features"], key: PRNGKeyArray
    ) -> tuple[Float[Array, "points act"], Float[Array, " points"]]:
        """Candidates near small potentials, and these."""
        start_key, improve_key = jax.random.split(key)
        start = self._proposed(self.spec.num_candidates, start_key)
        improve = self._redrawn if self.spec.sampler == "derivative_free" else self._moved
        points = improve(outputs, start, improve_key)
        return points, self._potentials(outputs, points)

    def _redrawn(
        self, outputs: Float[Array, " features"], start: Float[Array, "points act"], key: PRNGKeyArray
    ) -> Float[Array, "points act"]:

        def step(
            points: Float[Array, "points act"], given: tuple[Float[Array, ""], PRNGKeyArray]
        ) -> tuple[Float[Array, "points act"], None]:
            noise, step_key = given
            choice_key, noise_key = jax.random.split(step_key)
            chosen = jax.random.categorical(choice_key, -self._potentials(outputs, points), shape=(len(points),))
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
            slopes = _slopes(lambda points: self._potentials(outputs, points), points)
            move = size * (0.5 * slopes + jax.random.normal(step_key, points.shape))
            return jnp.clip(
                points - jnp.clip(move, -spec.largest_move, spec.largest_move), -self._limit, self._limit
            ), None

        left = 1.0 - jnp.arange(count) / max(count - 1, 1)
        sizes = spec.final_step + (spec.initial_step - spec.final_step) * left**2
        return jax.lax.scan(step, start, (sizes, jax.random.split(key, count)))[0]


def _slopes(
    heights: Callable[[Float[Array, "points act"]], Float[Array, " points"]], points: Float[Array, "points act"]
) -> Float[Array, "points act"]:
    return jax.grad(lambda points: jnp.sum(heights(points)))(points)


def policy(spec: Energy, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head, not fitted yet.

    **Raises:** `DataError` where actions are discrete.
    """
    network_key, layers_key = jax.random.split(key)
    fields = prepared("energy", spec, network, spaces, key=network_key)
    sizes = (spaces.action.size + spec.features, *spec.hidden, 1)
    layers = build_layers(sizes, spec.activation, key=layers_key)
    whitening = Whitening.identity(spaces.action.size) if spec.proposal == "gaussian" else None
    return EnergyPolicy(layers=layers, whitening=whitening, spec=spec, **fields)
