"""The best of several samples of a clone: critics choose, and the clone stays as it is."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.errors import DataError
from ilkit.finetune.best_of_n import BestOfN, ChoosingPolicy, Kept, finetune
from ilkit.nn.perceptron import Layers
from ilkit.policy import chunked, deterministic, energy, gaussian
from ilkit.running import loop
from tests.finetune.two_modes import NETWORK, SPACES, bandit, coin, demonstrated, shares

SMALL: dict[str, Any] = {"num_envs": 8, "batch_size": 32, "critic_hidden": (16,), "num_actions": 8}


@pytest.fixture
def train(explore: Any) -> Any:
    def run(spec: BestOfN, clone: Policy, demos: Any = None, env: Any = None, exploration: Any = None) -> Any:
        chosen = exploration or explore("own_density")
        return loop.train(
            lambda key: finetune(spec, chosen, env or bandit(), clone, demos=demos, key=key),
            key=jax.random.key(1),
            num_seeds=spec.num_seeds,
        )

    return run


def test_the_better_mode_is_chosen_by_every_seed_and_the_clone_stays(train: Any, leaves: Any) -> None:
    tuned = train(BestOfN(**SMALL, num_steps=200, critic_warmup_steps=50, num_seeds=5), coin())
    assert min(shares(policy)[0] for policy in tuned) >= 0.95
    assert all(leaves(policy.clone.policy) == leaves(coin()) for policy in tuned)


def test_the_sample_of_highest_value_is_taken() -> None:
    slope = Layers((jnp.array([[0.0, 1.0]]),), (jnp.zeros(1),), "relu")  # Q(s, a) = a
    critics = jax.tree.map(lambda leaf: leaf[None], slope)
    clone = gaussian.policy(gaussian.Gaussian(), NETWORK, SPACES, key=jax.random.key(0))
    policy = ChoosingPolicy(
        clone=Kept(clone), critics=critics, normalizer=clone.normalizer, spaces=SPACES, num_actions=5
    )
    obs, key = jnp.array([0.2]), jax.random.key(4)
    keys = jax.random.split(key, 5)
    drawn = jax.vmap(lambda one: clone.sample((), obs, key=one)[1])(keys)
    expected = drawn[jnp.argmax(jnp.clip(drawn[:, 0], -1.0, 1.0))]
    np.testing.assert_array_equal(policy.sample((), obs, key=key)[1], expected)
    silent = eqx.tree_at(
        lambda policy: policy.critics, policy, replace_fn=lambda _: jax.tree.map(jnp.zeros_like, critics)
    )
    np.testing.assert_array_equal(silent.sample((), obs, key=key)[1], drawn[0])  # the clone's, until critics know


def test_demonstrations_are_a_share_of_the_batches(train: Any) -> None:
    spec = BestOfN(**SMALL, demo_batch_size=32, num_steps=60, critic_warmup_steps=50)
    assert shares(train(spec, coin(), demonstrated())[0])[0] >= 0.95


def test_chunks_are_chosen_as_a_whole(train: Any) -> None:
    spec = gaussian.Gaussian(state_dependent_std=False, min_std=0.3, max_std=0.5)
    inner = Build("policy", "gaussian", gaussian.policy, spec, (NETWORK,))
    settings = chunked.Chunked(horizon=3, execute=2)
    clone = chunked.policy(settings, NETWORK, SPACES, inner, key=jax.random.key(0))
    chosen = BestOfN(**SMALL | {"num_actions": 64}, num_steps=200, critic_warmup_steps=50, discount=0.5)
    tuned = train(chosen, clone, env=bandit(max_steps=3))[0]
    keys = jax.random.split(jax.random.key(5), (50, 4))

    def act(keys: Any) -> Any:
        return jax.lax.scan(lambda carry, key: tuned.sample(carry, jnp.zeros(1), key=key), tuned.initial_carry(), keys)[
            1
        ]

    actions = np.asarray(eqx.filter_jit(jax.vmap(act))(keys))[..., 0]
    assert np.sqrt(np.mean((actions - 0.5) ** 2)) < 0.25  # the clone's are .6 off
    assert (np.ptp(actions, axis=0) > 0).all()


def refused(train: Any, clone: Policy, said: str, **given: Any) -> None:
    with pytest.raises(DataError, match=said):
        train(BestOfN(**SMALL, **given.pop("settings", {})), clone, **given)


def test_what_there_is_nothing_to_choose_of_is_refused(train: Any, clone: Any, balance: Any, explore: Any) -> None:
    fixed = deterministic.policy(deterministic.Deterministic(), NETWORK, SPACES, key=jax.random.key(0))
    refused(train, fixed, "must draw its actions")
    refused(train, clone(balance, "categorical"), "continuous action space", env=balance)
    refused(train, coin(), "needs demonstrations", settings={"demo_batch_size": 8})
    inner = Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(), (NETWORK,))
    chunks = chunked.policy(chunked.Chunked(), NETWORK, SPACES, inner, key=jax.random.key(0))
    refused(train, chunks, "Choose exploration.kind own_density", exploration=explore("isotropic"))
    refused(train, chunks, "demonstrations are steps", settings={"demo_batch_size": 8}, demos=demonstrated(8))
    implicit = energy.policy(energy.Energy(), NETWORK, SPACES, key=jax.random.key(0))
    assert not BestOfN().policy_faults(implicit, {})
