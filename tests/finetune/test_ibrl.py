"""Imitation bootstrapped reinforcement: it acts and bootstraps by the better of the clone and the actor."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.artifact.store import load, save
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.finetune import ibrl
from ilkit.finetune.ibrl import IBRL, finetune
from ilkit.off_policy.better_of import BetterOf
from ilkit.off_policy.critics import build_critics, least_values, outputs_of
from ilkit.off_policy.deterministic_actor import smoothing_noise, target_actions
from ilkit.off_policy.updates import Batch
from ilkit.running import loop
from ilkit.stepping.behavior import modes

_SMALL: dict[str, Any] = {"num_envs": 4, "batch_size": 8, "buffer_size": 12, "critic_hidden": (8,)}


@pytest.fixture(scope="module")
def chooser(push: Any, clone: Any) -> BetterOf:
    """A choice between two policies, by critics that say something."""
    one, other = clone(push), clone(push, seed=1)
    silent = build_critics(one, 2, (8,), layer_norm=False, key=jax.random.key(0))
    critics = jax.tree.map(lambda leaf: leaf + jax.random.normal(jax.random.key(leaf.size), leaf.shape), silent)
    return BetterOf(spaces=one.spaces, normalizer=one.normalizer, clone=one, actor=other, critics=critics)


def test_the_action_of_the_higher_value_is_taken(chooser: BetterOf) -> None:
    obs = jax.random.normal(jax.random.key(1), (100, chooser.spaces.observation.size))
    each = [modes(policy, obs) for policy in (chooser.clone, chooser.actor)]
    values = [jnp.min(outputs_of(chooser.critics, chooser.clone, obs, actions), axis=0) for actions in each]
    expected = jnp.where((values[1] > values[0])[:, None], each[1], each[0])
    np.testing.assert_array_equal(modes(chooser, obs), expected)
    assert 5 < int(jnp.sum(values[1] > values[0])) < 95
    assert not chooser.has_density


def test_where_critics_know_nothing_the_clone_acts(chooser: BetterOf) -> None:
    silent = build_critics(chooser.clone, 2, (8,), layer_norm=False, key=jax.random.key(0))
    ignorant = BetterOf(
        spaces=chooser.spaces,
        normalizer=chooser.normalizer,
        clone=chooser.clone,
        actor=chooser.actor,
        critics=silent,
    )
    obs = jax.random.normal(jax.random.key(1), (20, chooser.spaces.observation.size))
    np.testing.assert_array_equal(modes(ignorant, obs), modes(chooser.clone, obs))


def test_targets_bootstrap_the_larger_of_both_values(push: Any, clone: Any, known: Any, explore: Any) -> None:
    spec = IBRL(critic_warmup_steps=1, num_steps=6, discount=0.9, **_SMALL | {"buffer_size": 100})
    training = finetune(spec, explore("isotropic"), push, clone(push), known(1.0, 1.0), key=jax.random.key(0))
    state = training.state
    for step in range(6):
        state, _ = jax.jit(training.step)(state, jax.random.key(step))
    steps = state.buffer.draw((1, 40), key=jax.random.key(1))
    batch = Batch(steps, smoothing_noise(spec, state, (1, 40), key=jax.random.key(2)), None, None)
    slow, scale = state.learner.slow.critics, state.learner.scale
    both = (
        jax.vmap(partial(modes, clone(push)))(steps.next_obs),
        target_actions(spec, state, state.learner, batch),
    )
    values = [least_values(slow, scale, state.fixed, steps.next_obs, actions, None) for actions in both]
    expected = steps.rewards + 0.9 * (1 - steps.terminated) * jnp.maximum(*values)
    np.testing.assert_allclose(ibrl._targets(spec, state, state.learner, batch), expected, rtol=1e-4)
    assert 0 < int(jnp.sum(values[0] > values[1])) < 40


def test_what_comes_out_is_stored_and_read(chooser: BetterOf, tmp_path: Any, leaves: Any) -> None:
    save(Seeds(jax.tree.map(lambda leaf: leaf[None], chooser), {}, 1), tmp_path / "chooser")
    read: Any = load(tmp_path / "chooser")
    assert isinstance(read[0], BetterOf)
    assert leaves(read[0]) == leaves(chooser)


def test_a_clone_that_pushes_blindly_learns_to_come_to_rest(
    push: Any, blind: Any, known: Any, explore: Any, mean_return: Callable[[Any, Policy], float]
) -> None:
    spec = IBRL(critic_warmup_steps=200, num_steps=500, batch_size=64, critic_hidden=(32, 32))
    tuned = loop.train(
        lambda key: finetune(spec, explore("isotropic", scale=1.0), push, blind(1), known(1.0, 1.0), key=key),
        key=jax.random.key(1),
    )
    assert mean_return(push, tuned[0]) > 0.2 * mean_return(push, blind(1))
