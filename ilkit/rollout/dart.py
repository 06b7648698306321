"""Noise while the expert drives that is like the learner's error: DART (Laskey et al., 2017).

A clone errs, and its errors take it where the expert never was. DART takes the expert there: it acts with noise of the
covariance Σ that the error of its clone has on held-out episodes, and shows the way back, for the label is what it
intended. In rounds: record episodes under Σ; clone the episodes so far; and with the clone π̂ on held-out ones, of mean
length T,

    Σ̂ = (1/T) E Σ_t (π̂(x_t) - a_t)(π̂(x_t) - a_t)ᵀ,    Σ = α / (T tr Σ̂) · Σ̂,

where a_t are the expert's actions and α says how large the clone's squared error over an episode will be in the end.
Of discrete actions, ε = P(π̂(x_t) ≠ a_t), or α / T, is the probability of another action than the intended one.
"""

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Leaf, Spaces
from ilkit.data.windows import Transitions, Window, windows
from ilkit.fitting.gradient import draw_rows, mean_loss
from ilkit.fitting.minimize import minimize
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.layered_policy import CategoricalPolicy, FixedSpreadPolicy
from ilkit.nn.perceptron import Activation, Perceptron, build_layers
from ilkit.spec import Spec
from ilkit.stepping.episodes import collect_episodes, num_bytes
from ilkit.stepping.modes import warn_of_mode


class DART(Spec):
    """Episodes of the expert under noise that is like the error of its clone (Laskey et al., 2017)."""

    kind: Literal["dart"] = "dart"
    num_episodes: PositiveInt = 20
    """How many episodes to record."""
    num_rounds: PositiveInt = 5
    """In how many rounds of about as many episodes; the first one is without noise."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The share of the episodes of each round that the clone's error is measured on: at least one, and not all."""
    alpha: NonNegativeFloat | None = None
    """α: the squared error of the final clone, or the number of its wrong discrete actions, over an episode; null takes
    the error as measured, 0 is without noise."""
    stochastic: bool = False
    """Whether the expert samples its actions instead of taking their mode."""
    hidden: tuple[PositiveInt, ...] = (64, 64)
    """The width of each hidden layer of the clone."""
    activation: Activation = "tanh"
    """The function between its layers."""
    learning_rate: PositiveFloat = 1e-3
    """The step size of Adam, with which it is fitted."""
    batch_size: PositiveInt = 100
    """Transitions a gradient step."""
    num_gradient_steps: PositiveInt = 2000
    """Gradient steps of each round."""

    @model_validator(mode="after")
    def _check(self) -> "DART":
        if self.num_episodes < 2 * self.num_rounds:
            raise ValueError(
                "a round must have two episodes at least, one to learn from and one held out; got "
                f"{self.num_episodes} episodes in {self.num_rounds} rounds"
            )
        return self

    @property
    def shares_starts(self) -> bool:
        """Each episode starts on its own."""
        return False

    def longest_episode(self, world: Environment | HostEnvironment) -> int:
        """The limit of the environment."""
        return world.max_steps

    def bytes_needed(self, world: Environment | HostEnvironment) -> int:
        """That of the longest episodes."""
        return num_bytes(world, self.num_episodes, self.num_episodes * world.max_steps)


class Error(NamedTuple):
    """The error of a clone on held-out episodes."""

    covariance: Float[np.ndarray, "act act"] | None
    """Σ̂, in float64; none where actions are discrete."""
    rate: float
    """tr Σ̂, or the share of the steps at which a discrete action is another one."""
    horizon: float
    """T, the mean length of the episodes."""


def rollout(
    spec: DART, env: Build[Environment | HostEnvironment], expert: Policy, *, key: PRNGKeyArray
) -> Demonstrations:
    """Records the expert, round after round.

    Episode i starts, and ends without noise, as episode i of `rollout.kind` episodes does.

    **Raises:** `DataError` where the expert doesn't fit the environment.
    """
    warn_of_mode(expert, stochastic=spec.stochastic)
    world, fit_key = env(), jax.random.fold_in(key, 1)
    noise: float | Float[np.ndarray, "act act"] = 0.0
    recorded: list[Demonstrations] = []
    learnt_from: list[Demonstrations] = []
    for number, episodes in enumerate(np.array_split(np.arange(spec.num_episodes), spec.num_rounds)):
        if number and spec.alpha != 0.0:
            learning, held_out = _split(recorded[-1], spec.held_out)
            learnt_from.append(learning)
            learner = clone(spec, concatenate(learnt_from), key=jax.random.fold_in(fit_key, number))
            noise = noise_of(error_of(learner, held_out), spec.alpha, world.spaces.action)
        run = collect_episodes(
            world,
            expert,
            num_episodes=len(episodes),
            key=key,
            stochastic=spec.stochastic,
            action_noise=noise,
            first_episode=int(episodes[0]),
        )
        recorded.append(run.demonstrations("intended"))
    return concatenate(recorded)


def clone(spec: DART, demos: Demonstrations, *, key: PRNGKeyArray) -> Policy:
    """A clone by squared error or, of discrete actions, by maximum likelihood."""
    layout = (demos.spaces, spec.hidden, spec.activation, spec.batch_size, spec.num_gradient_steps)
    return _cloned(demos.transitions(), jnp.asarray(spec.learning_rate), layout, key)


def error_of(policy: Policy, held_out: Demonstrations) -> Error:
    """What the modes of a policy without memory differ by from recorded actions."""
    total = np.asarray(_summed_error(policy, held_out.transitions()), np.float64) / held_out.num_steps
    horizon = held_out.num_steps / held_out.num_episodes
    return Error(total, float(np.trace(total)), horizon) if total.ndim else Error(None, float(total), horizon)


def noise_of(error: Error, alpha: float | None, space: Leaf) -> float | Float[np.ndarray, "act act"]:
    """The symmetric root of Σ, 0 of a clone without error; of discrete actions, how often a random one is to be drawn,
    which may be the intended one."""
    if error.rate == 0.0:
        return 0.0
    wanted = error.rate if alpha is None else alpha / error.horizon
    if error.covariance is None:
        count = space.size if isinstance(space, Discrete) else int(np.prod(space.sizes))  # type: ignore[union-attr]
        return min(1.0, wanted * count / (count - 1))
    values, vectors = np.linalg.eigh(error.covariance * (wanted / error.rate))
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)


def _split(demos: Demonstrations, share: float) -> tuple[Demonstrations, Demonstrations]:
    """The first episodes, to learn from, and the last ones, held out; both the only one where the others are missing,
    because the environment raised."""
    count = demos.num_episodes
    if count < 2:
        return demos, demos
    held_out = int(np.clip(round(share * count), 1, count - 1))
    return demos.take(np.arange(count - held_out)), demos.take(np.arange(count - held_out, count))


@eqx.filter_jit
def _cloned(
    steps: Transitions,
    learning_rate: Float[Array, ""],
    layout: tuple[Spaces, tuple[int, ...], Activation, int, int],
    key: PRNGKeyArray,
) -> Policy:
    spaces, hidden, activation, batch_size, num_steps = layout
    init_key, steps_key = jax.random.split(key)
    loss: Callable[..., Float[Array, ""]] = _squared_error if isinstance(spaces.action, Box) else mean_loss

    def loss_of(policy: Policy, *, key: PRNGKeyArray) -> Float[Array, ""]:
        rows_key, loss_key = jax.random.split(key)
        rows = draw_rows(steps, batch_size, key=rows_key)
        return loss(policy, windows(steps, rows, *policy.window), key=loss_key)

    untrained = _untrained(spaces, hidden, activation, key=init_key).fitted(steps)
    return minimize(loss_of, optax.adam(learning_rate), untrained, num_steps, key=steps_key)[0]


def _untrained(spaces: Spaces, hidden: tuple[int, ...], activation: Activation, *, key: PRNGKeyArray) -> Policy:
    layers = build_layers((spaces.observation.size, *hidden, spaces.action.size), activation, key=key)
    network = Perceptron(layers=layers, observation=spaces.observation)
    normalizer = Normalizer.identity(spaces.observation)
    if not isinstance(spaces.action, Box):
        return CategoricalPolicy(network=network, normalizer=normalizer, spaces=spaces)
    units = ActionUnits.of(spaces.action)
    return FixedSpreadPolicy(network=network, normalizer=normalizer, spaces=spaces, units=units, log_std=None)


def _squared_error(policy: FixedSpreadPolicy, batch: Window, *, key: PRNGKeyArray) -> Float[Array, ""]:
    """The mean of ‖(π̂(x) - a) / h‖², with h half the range of the actions."""
    del key
    obs, actions = jax.tree.map(lambda rows: rows[:, 0], (batch.obs, batch.actions))
    residual = (_modes(policy, obs) - actions) / policy.units.half_range
    return jnp.mean(jnp.sum(residual**2, axis=-1))


def _modes(policy: Policy, obs: PyTree) -> Array:
    return jax.vmap(lambda obs: policy.mode(policy.initial_carry(), obs)[1])(obs)


@eqx.filter_jit
def _summed_error(policy: Policy, steps: Transitions) -> Float[Array, ""] | Float[Array, "act act"]:
    """Σ over all steps of the outer product of the error, or of its being one."""
    modes = _modes(policy, steps.before()).reshape(steps.capacity, -1)
    actions = steps.actions.reshape(steps.capacity, -1)
    if jnp.issubdtype(actions.dtype, jnp.integer):
        return jnp.sum((modes != actions).any(axis=1) & steps.valid).astype(jnp.float32)
    error = jnp.where(steps.valid[:, None], modes - actions, 0.0)
    return error.T @ error
