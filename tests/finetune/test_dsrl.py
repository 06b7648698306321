"""Steering a clone by its noise: the better of its modes is found, and the clone stays as it is."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.errors import DataError
from ilkit.finetune.dsrl import DSRL, finetune
from ilkit.nn.noise_actor import build_noise_actor
from ilkit.nn.steered_policy import SteeredPolicy
from ilkit.policy import chunked, deterministic, diffusion, gaussian
from ilkit.running import loop
from tests.finetune.two_modes import NETWORK, SPACES, bandit, cloned, coin, demonstrated, shares

SMALL: dict[str, Any] = {"num_envs": 8, "batch_size": 32, "critic_hidden": (16,), "actor_hidden": (16,)}


@pytest.fixture
def train(explore: Any) -> Any:
    def run(spec: DSRL, clone: Policy, demos: Any = None, env: Any = None, exploration: Any = None) -> Any:
        chosen = exploration or explore("own_density")
        return loop.train(
            lambda key: finetune(spec, chosen, env or bandit(), clone, demos=demos, key=key),
            key=jax.random.key(1),
            num_seeds=spec.num_seeds,
        )

    return run


def test_the_better_mode_of_a_diffusion_is_found_by_every_seed_and_its_weights_stay(train: Any, leaves: Any) -> None:
    spec = diffusion.Diffusion(hidden=(64,), features=4, num_train_steps=20, num_steps=5)
    clone = cloned(diffusion, spec)
    before, kept = shares(clone), leaves(clone)
    assert min(before) > 0.25
    tuned = train(DSRL(**SMALL, num_steps=400, critic_warmup_steps=50, num_seeds=5), clone)
    assert min(shares(policy)[0] for policy in tuned) >= 0.95
    for policy in tuned:
        assert leaves(policy.base.policy) == kept
        assert policy.steered == "DDIM (η = 0), 5 of 20 steps (trailing), from x_T ~ N(0, I) of 1 numbers"


def test_it_is_found_by_critics_of_actions_from_demonstrations_too(train: Any) -> None:
    spec = DSRL(**SMALL, variant="na", demo_batch_size=16, num_steps=400, critic_warmup_steps=50, num_seeds=5)
    assert min(shares(policy)[0] for policy in train(spec, coin(), demonstrated())) >= 0.95


@pytest.mark.parametrize("variant", ["sac", "na"])
def test_chunks_are_steered_as_a_whole(variant: Any, train: Any) -> None:
    spec = gaussian.Gaussian(state_dependent_std=False, min_std=0.3, max_std=0.5)
    inner = Build("policy", "gaussian", gaussian.policy, spec, (NETWORK,))
    settings = chunked.Chunked(horizon=3, execute=2)
    clone = chunked.policy(settings, NETWORK, SPACES, inner, key=jax.random.key(0))
    settings = DSRL(**SMALL, variant=variant, num_steps=400, critic_warmup_steps=50, discount=0.5, noise_bound=3.0)
    tuned = train(settings, clone, env=bandit(max_steps=3))[0]
    actions = acted(tuned, 4)
    assert actions[:2] == actions[2:]
    np.testing.assert_allclose(actions[:2], 0.5, atol=0.2)


def test_a_gaussian_is_steered_to_everything_within_m_standard_deviations(leaves: Any) -> None:
    clone = gaussian.policy(gaussian.Gaussian(), NETWORK, SPACES, key=jax.random.key(0))
    policy = SteeredPolicy.of(build_noise_actor(clone, jnp.asarray(2.0), (8,), key=jax.random.key(1)))
    obs = jnp.array([0.3])
    std = clone.units.half_range * clone.distribution(clone.outputs((), obs)[1]).scale
    reached = [policy.base.steer((), obs, jnp.array([share]))[1] for share in (-1.0, 0.0, 1.0)]
    mode = clone.mode((), obs)[1]
    np.testing.assert_allclose(reached, [mode - 2 * std, mode, mode + 2 * std], rtol=1e-5)
    np.testing.assert_allclose(policy.mode((), obs)[1], mode, rtol=1e-5)  # at first
    keys = jax.random.split(jax.random.key(2), 2000)
    drawn = jax.vmap(lambda key: policy.sample((), obs, key=key)[1])(keys)
    assert np.abs(drawn - mode).max() <= 2 * std
    np.testing.assert_allclose(np.std(drawn), std, rtol=0.2)  # about the clone's own


def test_nothing_but_the_critics_is_learnt_at_first(train: Any, leaves: Any) -> None:
    still = DSRL(**SMALL, num_steps=11, critic_warmup_steps=10)
    started, learnt = (train(spec, coin())[0] for spec in (still.model_copy(update={"learning_rate": 0.0}), still))
    same = [one == other for one, other in zip(leaves(started), leaves(learnt), strict=True)]
    assert not all(same)
    longer = train(still.model_copy(update={"num_steps": 10, "critic_warmup_steps": 10}), coin())[0]
    assert leaves(longer) == leaves(started)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"noise_bound": 0.0}, "greater than 0"),
        ({"demo_batch_size": 8}, "Choose variant na"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DSRL(**settings)


def acted(policy: Policy, num_steps: int) -> list[float]:
    _, actions = jax.lax.scan(
        lambda carry, _: policy.mode(carry, jnp.zeros(1)), policy.initial_carry(), None, length=num_steps
    )
    return [float(action) for action in actions[:, 0]]


def refused(train: Any, clone: Policy, said: str, **given: Any) -> None:
    spec = DSRL(**SMALL, **given.pop("settings", {}))
    with pytest.raises(DataError, match=said):
        train(spec, clone, **given)


def test_clones_that_cannot_be_steered_are_refused_before_training(train: Any, explore: Any) -> None:
    fixed = deterministic.policy(deterministic.Deterministic(), NETWORK, SPACES, key=jax.random.key(0))
    refused(train, fixed, "must make its actions of noise")
    assert DSRL().policy_faults(fixed, {})
    covariance = explore("ensemble_covariance")
    refused(train, coin(), "Choose exploration.kind own_density", exploration=covariance)
    refused(train, coin(), "needs demonstrations", settings={"variant": "na", "demo_batch_size": 8})


def test_discrete_actions_are_refused(train: Any, clone: Any, balance: Any) -> None:
    refused(train, clone(balance, "categorical"), "continuous action space", env=balance)


def test_averaged_chunks_are_steered_by_critics_of_noises_alone(train: Any) -> None:
    inner = Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(), (NETWORK,))
    spec = chunked.Chunked(horizon=3, execute=1, ensemble=0.1)
    clone = chunked.policy(spec, NETWORK, SPACES, inner, key=jax.random.key(0))
    assert not DSRL().policy_faults(clone, {})
    refused(train, clone, "by the present observation alone", settings={"variant": "na"})
