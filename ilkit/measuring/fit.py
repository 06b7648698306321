"""How well policies fit recorded actions: their loss, and a number for each action."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Discrete, MultiDiscrete
from ilkit.data.windows import Transitions, windows
from ilkit.errors import DataError
from ilkit.math.statistics import Interval, interquartile_mean
from ilkit.measuring.comparison import Resampling

_ROWS_AT_ONCE = 4096
_EPISODES_AT_ONCE = 64


class Fit(NamedTuple):
    """How the actions of a policy agree with recorded ones: a row per training seed, a column per action."""

    loss: Float[np.ndarray, " seeds"]
    """What the policy's head is trained with, averaged over the recorded steps; NaN of a policy without a loss."""
    agreement: Float[np.ndarray, "seeds actions"]
    """Of each entry of a continuous action R² = 1 - Σ(a - mode)² / Σ(a - mean a)², the share of its variance that the
    mode explains; of each discrete action the share of its steps at which it is the mode, of several at once the share
    of steps at which an entry is its mode. NaN where an entry never
    varies or an action never occurs."""
    error: Float[np.ndarray, "seeds actions"]
    """The root mean square of a - mode, in the units of the action; of discrete actions, what the share lacks to 1."""


class FitScore(NamedTuple):
    """A fit as interquartile means over training seeds; the intervals are NaN where there is but one seed."""

    loss: float
    agreement: Float[np.ndarray, " actions"]
    interval: Interval
    """That of the agreement, action by action."""
    error: Float[np.ndarray, " actions"]


def measure_fit(seeds: Seeds[Policy], demos: Demonstrations, *, key: PRNGKeyArray) -> Fit:
    """The fit of every training seed to the steps of recorded episodes that count.

    Policies go through each episode from its start, so that those with a memory have it; actions beyond the bounds of
    their space are clipped to it first, as the environment clips them. `key` is for losses that are drawn.
    """
    obs, taken = _padded_episodes(demos)
    space = demos.spaces.action
    modes = np.asarray(_modes(seeds.stacked, jax.tree.map(jnp.asarray, obs)))[:, : len(taken)][:, taken]
    modes, actions = modes[:, demos.counted], demos.actions[demos.counted]
    loss = _losses_if_any(seeds, demos, key)
    if isinstance(space, Discrete):
        agreement = _shares(modes - space.start, actions - space.start, space.size)
        return Fit(loss, agreement, 1.0 - agreement)
    if isinstance(space, MultiDiscrete):
        agreement = np.mean(modes == actions, axis=1)
        return Fit(loss, agreement, 1.0 - agreement)
    bounds = np.asarray(space.bounds, np.float32)
    recorded, modes = (np.clip(rows, *bounds).astype(np.float64) for rows in (actions, modes))
    square = np.mean((modes - recorded) ** 2, axis=1)
    variance = np.var(recorded, axis=0)
    explained = 1.0 - square / np.where(variance > 0, variance, np.nan)
    return Fit(loss, explained, np.sqrt(square))


def score_fit(fit: Fit, resampling: Resampling) -> FitScore:
    """The average over training seeds, with the interval of each action's agreement."""
    unknown = np.full(fit.agreement.shape[1], np.nan)
    interval = Interval(unknown, unknown)
    if len(fit.loss) > 1:
        interval = resampling.interval(fit.agreement.T, interquartile_mean)
    agreement, error = (interquartile_mean(column.T) for column in (fit.agreement, fit.error))
    return FitScore(float(interquartile_mean(fit.loss)), agreement, interval, error)


def _losses_if_any(seeds: Seeds[Policy], demos: Demonstrations, key: PRNGKeyArray) -> Float[np.ndarray, " seeds"]:
    try:
        return np.asarray(_losses(seeds.stacked, demos.transitions(), key), np.float64)
    except DataError:  # a policy that isn't learnt from demonstrations, such as a controller
        return np.full(len(seeds), np.nan)


def _shares(modes: np.ndarray, recorded: np.ndarray, size: int) -> Float[np.ndarray, "seeds actions"]:
    counts = np.bincount(recorded, minlength=size)
    agreed = np.stack([np.bincount(recorded[row == recorded], minlength=size) for row in modes])
    shares: np.ndarray = agreed / np.where(counts > 0, counts, np.nan)
    return shares


def _padded_episodes(demos: Demonstrations) -> tuple[Any, Bool[np.ndarray, "episodes steps"]]:
    """The observation before each action, a row per episode, both axes padded to powers of two; and what isn't padded.

    The second has a row for every episode, in whose order the recorded actions stand.
    """
    episodes, steps = (1 << int(count - 1).bit_length() for count in (demos.num_episodes, demos.lengths.max()))
    taken = np.arange(steps) < demos.lengths[:, None]
    starts = demos.starts + np.arange(demos.num_episodes)
    places: Int[np.ndarray, "episodes steps"] = np.where(taken, starts[:, None] + np.arange(steps), 0)
    rows = np.pad(places, [(0, episodes - len(places)), (0, 0)])
    return jax.tree.map(lambda column: column[rows], demos.obs), taken


@eqx.filter_jit
def _modes(stacked: Policy, obs: Any) -> Array:
    """The mode of each seed at each step of each episode."""

    def of_policy(policy: Policy) -> Array:
        def of_episode(obs: Any) -> Array:
            return jax.lax.scan(lambda carry, obs: policy.mode(carry, obs), policy.initial_carry(), obs)[1]

        return jax.lax.map(of_episode, obs, batch_size=_EPISODES_AT_ONCE)

    return eqx.filter_vmap(of_policy)(stacked)


@eqx.filter_jit
def _losses(stacked: Policy, steps: Transitions, key: PRNGKeyArray) -> Float[Array, " seeds"]:
    """The mean loss of each seed over all steps that count."""

    def of_policy(policy: Policy) -> Float[Array, ""]:
        def of_row(row: Int[Array, ""], key: PRNGKeyArray) -> Float[Array, ""]:
            window = jax.tree.map(lambda leaf: leaf[0], windows(steps, row[None], *policy.window))
            return policy.loss(window, key=key)

        keys = jax.random.split(key, steps.capacity)
        losses = jax.lax.map(lambda row: of_row(*row), (jnp.arange(steps.capacity), keys), batch_size=_ROWS_AT_ONCE)
        return jnp.sum(jnp.where(steps.counted, losses, 0.0)) / steps.num_counted

    return eqx.filter_vmap(of_policy)(stacked)
