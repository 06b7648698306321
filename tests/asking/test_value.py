import jax.numpy as jnp
import numpy as np

from ilkit.asking.value import Value
from ilkit.data.preferences import Clips


def walks(terminated: bool) -> Clips:
    """Two episodes along the states 0 to 4 and 0 to 2, of which the first may end; the step to 4 earns 1."""
    mask = np.asarray([[True] * 4, [True, True, False, False]])
    states = np.asarray([[0.0, 1, 2, 3], [0, 1, 0, 0]])[..., None]
    ends = np.zeros((2, 4), bool)
    ends[0, 3] = terminated
    rewards = np.asarray([[0.0, 0, 0, 1], [0, 0, np.nan, np.nan]])
    after = np.where(mask[..., None], states + 1, 0.0)
    return Clips(*map(jnp.asarray, (states, states, after, rewards, ends, mask)))


def test_the_value_of_a_walk_is_the_discounted_reward_at_its_end() -> None:
    episodes = walks(terminated=True)
    value = Value.fit(episodes, jnp.asarray(0.8))
    np.testing.assert_allclose(value.of(episodes.obs)[0], [0.512, 0.64, 0.8, 1.0], atol=0.01)
    advantages = value.advantages(episodes).rewards
    np.testing.assert_allclose(advantages[0], 0.0, atol=0.02)


def test_an_episode_that_was_only_cut_goes_on() -> None:
    episodes = walks(terminated=True)
    cut = np.asarray(Value.fit(episodes, jnp.asarray(0.8)).of(episodes.next_obs))[1]
    np.testing.assert_allclose(cut[:2], [0.64, 0.8], atol=0.01)  # though nothing was earned after its last step
