"""The rewards of a bandit are in its units, and the best compromise with a reference is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.env.bandit import Bandit, BanditEnvironment, env
from ilkit.stepping.episodes import collect_episodes

CONTEXTS = jax.random.normal(jax.random.key(1), (4096, 4))


def built(**settings: object) -> BanditEnvironment:
    world = env(Bandit.model_validate(settings))
    assert isinstance(world, BanditEnvironment)
    return world


@pytest.mark.parametrize("rewards", ["linear", "network"])
def test_rewards_have_the_standard_deviation_that_is_asked_for(rewards: str) -> None:
    world = built(rewards=rewards, reward_std=0.5)
    assert np.std(world.arm_rewards(CONTEXTS)) == pytest.approx(0.5, rel=0.05)
    assert not np.array_equal(built(rewards=rewards, reward_seed=1).arm_rewards(CONTEXTS), world.arm_rewards(CONTEXTS))


def test_an_episode_is_one_choice_and_earns_its_reward() -> None:
    world = built(num_arms=3)
    episodes = collect_episodes(world, world.demonstrator(), num_episodes=200, key=jax.random.key(0), stochastic=True)
    assert (episodes.lengths == 1).all()
    assert episodes.terminated.all()
    chosen = np.asarray(world.arm_rewards(jnp.asarray(episodes.obs[:, 0])))[np.arange(200), episodes.executed[:, 0]]
    np.testing.assert_allclose(episodes.rewards[:, 0], chosen, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rationality", [0.0, -0.5, 1.0])
def test_the_demonstrator_is_as_rational_as_it_is_told(rationality: float) -> None:
    world = built(demonstrated_rationality=rationality, rewards="network")
    policy, rewards = world.demonstrator(), world.arm_rewards(CONTEXTS[:5])
    found = jax.vmap(lambda obs: jax.vmap(lambda arm: policy.log_prob((), obs, arm)[1])(jnp.arange(8)))(CONTEXTS[:5])
    np.testing.assert_allclose(found, jax.nn.log_softmax(rationality * rewards), atol=1e-5)
