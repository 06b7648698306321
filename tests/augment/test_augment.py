import jax
import numpy as np
import pytest

from ilkit.augment import mirror, none, state_noise
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.env import cart_pole, gymnasium, mountain_car_continuous, pendulum
from ilkit.errors import DataError
from ilkit.expert import swing_up
from ilkit.rollout import episodes

KEY = jax.random.key(0)
PENDULUM = Build("env", "pendulum", pendulum.env, pendulum.Pendulum(max_steps=40))
EXPERT = swing_up.expert(swing_up.SwingUp(), PENDULUM, key=KEY)
DEMOS = episodes.rollout(episodes.Episodes(num_episodes=5), PENDULUM, EXPERT, key=KEY)


def test_none_changes_nothing() -> None:
    assert none.augment(none.None_(), PENDULUM, DEMOS, key=KEY) is DEMOS


def test_state_noise_appends_noisy_observations_with_the_same_labels() -> None:
    spec = state_noise.StateNoise(num_copies=3, scale=0.1)
    augmented = state_noise.augment(spec, PENDULUM, DEMOS, key=KEY)
    assert augmented.num_episodes == 20
    rows = len(DEMOS.obs)
    np.testing.assert_array_equal(augmented.obs[:rows], DEMOS.obs)
    np.testing.assert_array_equal(augmented.actions, np.tile(DEMOS.actions, (4, 1)))
    np.testing.assert_array_equal(augmented.follows, [True] * 5 + [False] * 15)
    noise = augmented.obs[rows:].reshape(3, rows, 3) - DEMOS.obs
    np.testing.assert_allclose(noise.std(axis=(0, 1)), 0.1 * DEMOS.obs.std(axis=0), rtol=0.1)
    assert not np.array_equal(noise[0], noise[1])
    assert augmented.obs.dtype == np.float32
    other = state_noise.augment(spec, PENDULUM, DEMOS, key=jax.random.key(1))
    assert not np.array_equal(other.obs, augmented.obs)


def test_mirrored_episodes_are_episodes() -> None:
    augmented = mirror.augment(mirror.Mirror(), PENDULUM, DEMOS, key=KEY)
    assert augmented.num_episodes == 10
    rows = len(DEMOS.obs)
    np.testing.assert_array_equal(augmented.obs[:rows], DEMOS.obs)
    np.testing.assert_array_equal(augmented.obs[rows:], DEMOS.obs * [1, -1, -1])
    np.testing.assert_array_equal(augmented.actions[DEMOS.num_steps :], -DEMOS.actions)
    np.testing.assert_allclose(augmented.returns[5:], DEMOS.returns)
    image, env = augmented.transitions(), PENDULUM()
    following, _ = jax.vmap(lambda obs, action: env.step(env.state_of(obs), action, key=KEY))(
        image.before(), image.actions
    )
    valid = np.asarray(image.valid)
    np.testing.assert_allclose(jax.vmap(env.observe)(following)[valid], augmented.after(), atol=1e-5)


def test_discrete_actions_are_mirrored() -> None:
    world = Build("env", "cart_pole", cart_pole.env, cart_pole.CartPole())
    demos = Demonstrations(
        obs=np.arange(12, dtype=np.float32).reshape(3, 4),
        actions=np.asarray([0, 1], np.int32),
        rewards=np.ones(2, np.float32),
        terminated=np.asarray([False]),
        truncated=np.asarray([True]),
        lengths=np.asarray([2], np.int32),
        spaces=world().spaces,
    )
    augmented = mirror.augment(mirror.Mirror(), world, demos, key=KEY)
    np.testing.assert_array_equal(augmented.actions, [0, 1, 1, 0])
    assert augmented.actions.dtype == np.int32
    np.testing.assert_array_equal(augmented.obs[3:], -demos.obs)


def test_one_more_episode_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    traces = []
    original = pendulum.PendulumEnvironment.mirror

    def counted(*args):
        traces.append(None)
        return original(*args)

    monkeypatch.setattr(pendulum.PendulumEnvironment, "mirror", counted)
    world = Build("env", "pendulum", pendulum.env, pendulum.Pendulum(max_steps=41))  # not yet compiled for
    for num_episodes in (5, 6):
        demos = episodes.rollout(episodes.Episodes(num_episodes=num_episodes), PENDULUM, EXPERT, key=KEY)
        mirror.augment(mirror.Mirror(), world, demos, key=KEY)
    assert len(traces) == 1


@pytest.mark.parametrize(
    "world",
    [
        Build(
            "env",
            "mountain_car_continuous",
            mountain_car_continuous.env,
            mountain_car_continuous.MountainCarContinuous(),
        ),
        Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium()),
    ],
    ids=lambda world: world.kind,
)
def test_an_environment_without_symmetry_is_named(world: Build) -> None:
    spaces = world().spaces
    size = spaces.observation.size
    demos = Demonstrations(
        obs=np.zeros((2, size), np.float32),
        actions=np.zeros((1, 1), np.float32),
        rewards=np.zeros(1, np.float32),
        terminated=np.asarray([True]),
        truncated=np.asarray([False]),
        lengths=np.asarray([1], np.int32),
        spaces=spaces,
    )
    with pytest.raises(DataError, match="symmetry"):
        mirror.augment(mirror.Mirror(), world, demos, key=KEY)
