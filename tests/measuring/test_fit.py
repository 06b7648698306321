"""The fit of policies to recorded actions, against closed forms."""

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Dict, Discrete, Spaces
from ilkit.measuring.comparison import Resampling
from ilkit.measuring.fit import measure_fit, score_fit

LENGTHS = np.array([3, 5, 2])
RESAMPLING = Resampling(confidence=0.95, num_resamples=200, seed=0)


def spaces(action: Any) -> Spaces:
    return Spaces(observation=Box.symmetric([9.0, 9.0]), action=action)


def demonstrations(actions: np.ndarray, action: Any, lengths: np.ndarray = LENGTHS) -> Demonstrations:
    """Episodes whose observations before an action are that action and its number within the episode."""
    obs, row = [], 0
    for length in lengths:
        for step in range(length + 1):
            taken = np.ravel(actions[min(row + step, row + length - 1)])[0]
            obs.append([float(taken), float(step)])
        row += length
    ends = np.ones(len(lengths), bool)
    rewards = np.zeros(len(actions), np.float32)
    return Demonstrations(np.asarray(obs, np.float32), actions, rewards, ends, ~ends, lengths, spaces=spaces(action))


class Scaled(Policy):
    """Takes the first entry of the observation times a scale, counts its steps, or takes a fixed choice."""

    scale: Array
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)
    counts: bool = eqx.field(static=True, default=False)

    def initial_carry(self) -> Any:
        return jnp.zeros(())

    def mode(self, carry: Any, obs: Any) -> tuple[Any, Array]:
        if isinstance(self.spaces.action, Discrete):
            return carry, self.scale.astype(jnp.int32)
        return carry + 1.0, (carry if self.counts else self.scale * obs[0])[None]

    def step_loss(self, carry: Any, obs: Any, action: Array, *, key: Any) -> tuple[Any, Array]:
        carry, mode = self.mode(carry, obs)
        return carry, jnp.sum(jnp.abs(mode - action)).astype(jnp.float32)


def seeds(action: Any, *scales: float, counts: bool = False) -> Seeds[Policy]:
    normalizer = Normalizer.identity(2)
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf] * len(scales)), normalizer)
    return Seeds(Scaled(jnp.asarray(scales), stacked, spaces(action), counts), {}, len(scales))


def test_agreement_error_and_loss_of_a_scaled_copy():
    actions = np.array([-2, -1, 0, 1, 2, 2, 1, 0, -1, -2], np.float32)[:, None]
    box = Box.symmetric([5.0])
    fit = measure_fit(seeds(box, 1.0, 0.5), demonstrations(actions, box), key=jax.random.key(0))
    assert fit.agreement[:, 0] == pytest.approx([1.0, 0.75])
    assert fit.error[:, 0] == pytest.approx([0.0, 0.5 * np.sqrt(2.0)])
    assert fit.loss == pytest.approx([0.0, 0.5 * np.abs(actions).mean()])


def test_actions_beyond_the_bounds_are_clipped_as_the_environment_clips_them():
    actions = np.array([-1, 1, -1, 1, 1, -1, 1, -1, 1, -1], np.float32)[:, None]
    box = Box.symmetric([1.0])
    fit = measure_fit(seeds(box, 3.0), demonstrations(actions, box), key=jax.random.key(0))
    assert fit.error[0, 0] == 0.0


def test_a_memory_begins_anew_with_each_episode():
    actions = np.concatenate([np.arange(length) for length in LENGTHS]).astype(np.float32)[:, None]
    box = Box.symmetric([9.0])
    fit = measure_fit(seeds(box, 0.0, counts=True), demonstrations(actions, box), key=jax.random.key(0))
    assert fit.agreement[0, 0] == 1.0


def test_an_action_that_never_varies_explains_nothing():
    actions = np.full((10, 1), 2.0, np.float32)
    box = Box.symmetric([5.0])
    fit = measure_fit(seeds(box, 1.0, 1.5), demonstrations(actions, box), key=jax.random.key(0))
    assert np.isnan(fit.agreement).all()
    assert fit.error[:, 0] == pytest.approx([0.0, 1.0])
    assert np.isnan(score_fit(fit, RESAMPLING).agreement).all()


def test_discrete_actions_have_a_share_each():
    actions = np.array([0, 1, 1, 0, 1, 1, 1, 1, 0, 1], np.int32)
    space = Discrete(size=3)
    fit = measure_fit(seeds(space, 1.0, 0.0), demonstrations(actions, space), key=jax.random.key(0))
    assert fit.agreement.tolist()[0][:2] == [0.0, 1.0]
    assert fit.agreement.tolist()[1][:2] == [1.0, 0.0]
    assert np.isnan(fit.agreement[:, 2]).all()


def test_a_score_is_the_average_over_seeds_and_has_an_interval_where_there_are_several():
    actions = np.array([-2, -1, 0, 1, 2, 2, 1, 0, -1, -2], np.float32)[:, None]
    box = Box.symmetric([5.0])
    demos = demonstrations(actions, box)
    several = score_fit(measure_fit(seeds(box, 1.0, 0.5, 0.0), demos, key=jax.random.key(0)), RESAMPLING)
    assert several.agreement[0] == pytest.approx((1.0 + 0.75 + 0.0) / 3)
    assert several.interval.low[0] == pytest.approx(0.0)
    assert several.interval.high[0] == pytest.approx(1.0)
    single = score_fit(measure_fit(seeds(box, 0.5), demos, key=jax.random.key(0)), RESAMPLING)
    assert single.agreement[0] == pytest.approx(0.75)
    assert np.isnan(single.interval.low[0])


def test_episodes_of_any_length_and_number_are_all_counted():
    box = Box.symmetric([5.0])
    lengths = np.array([1, 7, 1, 4, 2])
    actions = np.linspace(-2.0, 2.0, 15, dtype=np.float32)[:, None]
    fit = measure_fit(seeds(box, 0.5), demonstrations(actions, box, lengths), key=jax.random.key(0))
    assert fit.error[0, 0] == pytest.approx(0.5 * np.sqrt(np.mean(actions**2)), rel=1e-6)


class Previous(Scaled):
    """Takes the entry `place` of the observation before the present one, which its loss wants to see."""

    @property
    def window(self) -> tuple[int, int]:
        return 1, 0

    def mode(self, carry: Any, obs: Any) -> tuple[Any, Array]:
        return obs["place"][0], carry[None]


def test_dictionaries_are_kept_and_losses_see_the_window_that_they_want():
    observed = np.concatenate([np.arange(1, length + 2) for length in LENGTHS]).astype(np.float32)[:, None]
    actions = np.concatenate([np.arange(length) for length in LENGTHS]).astype(np.float32)[:, None]
    box = Box.symmetric([9.0])
    named = Spaces(observation=Dict(entries={"place": box}), action=box)
    ends, rewards = np.ones(3, bool), np.zeros(10, np.float32)
    demos = Demonstrations({"place": observed}, actions, rewards, ends, ~ends, LENGTHS, spaces=named)
    normalizer = jax.tree.map(lambda leaf: leaf[None], Normalizer.identity(named.observation))
    policy = Seeds(Previous(jnp.ones(1), normalizer, named), {}, 1)
    fit = measure_fit(policy, demos, key=jax.random.key(0))
    assert fit.agreement[0, 0] == 1.0
    assert fit.loss[0] == 0.0


def test_a_fit_is_that_of_the_steps_that_count() -> None:
    actions = np.random.default_rng(0).normal(size=(10, 1)).astype(np.float32)
    demos = demonstrations(actions, Box.symmetric([9.0]))
    weights = np.asarray([1, 0, 1, 0, 1, 1, 0, 1, 1, 0], np.float32)
    policy = Scaled(jnp.full(1, 0.5), jax.tree.map(lambda leaf: leaf[None], Normalizer.identity(2)), demos.spaces)
    fitted = measure_fit(Seeds(policy, {}, 1), replace(demos, weights=weights), key=jax.random.key(0))
    kept = actions[weights > 0, 0].astype(np.float64)
    np.testing.assert_allclose(fitted.loss, [np.mean(np.abs(0.5 * kept))], rtol=1e-5)
    np.testing.assert_allclose(fitted.error, [[0.5 * np.sqrt(np.mean(kept**2))]], rtol=1e-5)
    np.testing.assert_allclose(fitted.agreement, [[1 - 0.25 * np.mean(kept**2) / np.var(kept)]], rtol=1e-5)
