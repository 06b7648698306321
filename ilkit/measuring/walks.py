"""What training seeds visit and what their rewards are worth, beside what was demonstrated."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.reward import Reward, check_reward
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Discrete, Spaces, check_spaces
from ilkit.data.tabular import Tabular
from ilkit.errors import DataError
from ilkit.math.statistics import Interval, mean
from ilkit.measuring.comparison import Resampling
from ilkit.measuring.occupancies import Visited, chances_of, correlation, planned, random_walk, rewards_of, visited_by
from ilkit.nn.state_table import StateTable


class Walk(NamedTuple):
    """What a policy visits, a row for each training seed."""

    acted: Float[np.ndarray, "seeds states"]
    chances: Float[np.ndarray, "states actions"]
    """How often each action is taken where the first seed acts."""
    returns: Float[np.ndarray, " seeds"]
    interval: Interval
    """Of the mean return."""
    elsewhere: Float[np.ndarray, " seeds"]
    """The share of steps that it takes elsewhere than the demonstrations do: the total variation distance."""
    farthest: Float[np.ndarray, " seeds"]
    """The largest difference in how often an episode acts in a state."""
    log_likelihood: Float[np.ndarray, " seeds"] | None
    """Of a demonstrated action; none of the demonstrations."""


class Taught(NamedTuple):
    """What a reward is and what it leads to, a row for each training seed."""

    rewards: Float[np.ndarray, "states actions"]
    """Those of the first seed."""
    correlation: Float[np.ndarray, " seeds"]
    """With the true reward, over what can be reached."""
    returns: Float[np.ndarray, " seeds"]
    """What the environment pays the best policy for it."""
    shares: Float[np.ndarray, " seeds"]
    """How much that is, of what lies between random actions and the best policy."""
    interval: Interval
    """Of the mean share."""


class Shown(NamedTuple):
    """Demonstrations in tables."""

    visited: Visited
    times: Int[np.ndarray, " rows"]
    """When each step that counts was done."""
    states: Int[np.ndarray, " rows"]
    actions: Int[np.ndarray, " rows"]
    """The place of each demonstrated action among the actions."""


class Ground(NamedTuple):
    """What all are held against."""

    spaces: Spaces
    tabular: Tabular
    shown: Shown
    best: Visited
    random: Visited
    reached: Bool[np.ndarray, " states"]
    """Where random actions lead."""


def ground_of(spaces: Spaces, tabular: Tabular, demos: Demonstrations) -> Ground:
    """The best policy's visits, those of random actions, and the demonstrations.

    **Raises:** `DataError` where these have other spaces, observe something else, or are longer than the time limit.
    """
    check_spaces(spaces, demos.spaces)
    random, best = random_walk(tabular), planned(tabular, tabular.rewards)
    return Ground(spaces, tabular, _shown(spaces, tabular, demos), best, random, random.acted > 0)


def _shown(spaces: Spaces, tabular: Tabular, demos: Demonstrations) -> Shown:
    if demos.lengths.max() > tabular.horizon:
        raise DataError(
            f"Demonstrations must not be longer than the time limit of the environment, {tabular.horizon} steps, got "
            f"one of {demos.lengths.max()}. Raise max_steps of env."
        )
    start = spaces.action.start if isinstance(spaces.action, Discrete) else 0
    states, actions = (
        StateTable.of(spaces.observation, tabular.observations).numbers(demos.before()),
        demos.actions - start,
    )
    weights = np.ones(demos.num_steps) if demos.weights is None else demos.weights.astype(np.float64)
    pairs = np.zeros(tabular.rewards.shape)
    np.add.at(pairs, (states, actions), weights * demos.num_steps / weights.sum() / demos.num_episodes)
    acted = pairs.sum(axis=1)
    after_end = float(((tabular.horizon - demos.lengths) * demos.terminated).sum()) / demos.num_episodes
    acted[-1] += after_end
    chances = pairs / np.where(acted > 0, acted, 1.0)[:, None]
    times = np.arange(demos.num_steps) - np.repeat(demos.starts, demos.lengths)
    counted = weights > 0
    visited = Visited(acted, chances, float(demos.returns.mean()))
    return Shown(visited, times[counted], states[counted], actions[counted])


def demonstrated(ground: Ground) -> Walk:
    """What was demonstrated."""
    acted, chances, returned = ground.shown.visited
    nothing, returns = np.zeros(1), np.asarray([returned])
    return Walk(acted[None], chances, returns, Interval(returned, returned), nothing, nothing, None)


def walk_of(ground: Ground, policies: Seeds[Policy], *, stochastic: bool, resampling: Resampling) -> Walk:
    """What the policies of the training seeds visit.

    **Raises:** `DataError` where they have other spaces, a memory, or sample without a density.
    """
    check_spaces(ground.spaces, policies.stacked.spaces)
    chances = [chances_of(one, ground.spaces, ground.tabular, stochastic=stochastic) for one in policies]
    found = [visited_by(ground.tabular, one) for one in chances]
    acted, wanted = np.stack([one.acted for one in found]), ground.shown.visited.acted
    returns = np.asarray([one.expected_return for one in found])
    _, times, states, actions = ground.shown
    likelihoods = [np.log(np.maximum(np.asarray(one)[times, states, actions], 1e-30)).mean() for one in chances]
    return Walk(
        acted,
        found[0].chances,
        returns,
        resampling.interval(returns, mean),
        0.5 * np.abs(_shares(acted) - _shares(wanted)).sum(axis=1),
        np.abs(acted - wanted).max(axis=1),
        np.asarray(likelihoods),
    )


def taught_by(ground: Ground, rewards: Seeds[Reward], *, resampling: Resampling) -> Taught:
    """What the rewards of the training seeds are worth.

    **Raises:** `DataError` where they were learnt from other observations, or read other actions.
    """
    check_reward(rewards.stacked, ground.spaces)
    tables = [np.asarray(rewards_of(one, ground.spaces, ground.tabular)) for one in rewards]
    true, spread = np.asarray(ground.tabular.rewards), ground.best.expected_return - ground.random.expected_return
    returns = np.asarray([planned(ground.tabular, jax.numpy.asarray(one)).expected_return for one in tables])
    shares = (returns - ground.random.expected_return) / (spread or 1.0)
    alike = np.asarray([correlation(one, true, ground.reached) for one in tables])
    return Taught(tables[0], alike, returns, shares, resampling.interval(shares, mean))


def _shares(acted: Float[np.ndarray, "*seeds states"]) -> Float[np.ndarray, "*seeds states"]:
    return acted / acted.sum(axis=-1, keepdims=True)
