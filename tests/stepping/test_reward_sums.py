import jax
import numpy as np
import pytest

from ilkit.env import cart_pole, rope
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy
from ilkit.stepping.reward_sums import sum_rewards

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)


def test_sums_are_those_of_collected_episodes_and_end_with_them() -> None:
    env = cart_pole.env(cart_pole.CartPole(max_steps=60))
    random, ends = RandomPolicy.of(env.spaces), np.array([1, 5, 20, 60])
    sums = sum_rewards(env, random, ends, num_episodes=5000, stochastic=True, key=KEY)
    assert sums.shape == (5000, 4)
    assert (np.diff(sums, axis=1) >= 0).all()
    lengths = collect_episodes(env, random, num_episodes=2000, stochastic=True, key=KEY).lengths
    expected = np.minimum(lengths[:, None], ends).mean(axis=0)
    np.testing.assert_allclose(sums.mean(axis=0), expected, rtol=0.04)


def test_a_policy_that_returns_on_the_rope_is_off_it_every_other_step() -> None:
    env = rope.env(rope.Rope(error=1.0))
    sums = sum_rewards(env, env.demonstrator(), np.array([1, 2, 7]), num_episodes=3, stochastic=False, key=KEY)
    np.testing.assert_array_equal(sums, [[-1, -2, -7]] * 3)


@pytest.mark.parametrize("seed", [0, 1])
def test_another_key_gives_other_episodes(seed: int) -> None:
    env = rope.env(rope.Rope(error=0.1))

    def run(key: int) -> np.ndarray:
        settings = {"num_episodes": 100, "stochastic": False, "key": jax.random.key(key)}
        return sum_rewards(env, env.demonstrator(), np.array([50]), **settings)

    np.testing.assert_array_equal(run(seed), run(seed))
    assert (run(seed) != run(seed + 1)).any()
