import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.environment import Environment, GoalRewarding, Mirrored
from ilkit.data.known_dynamics import LinearQuadraticForm
from ilkit.data.spaces import Discrete
from ilkit.env import acrobot, cart_pole, fork, mountain_car, mountain_car_continuous, pendulum, point_mass
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy

ENVIRONMENTS = {
    "acrobot": acrobot.env(acrobot.Acrobot()),
    "cart_pole": cart_pole.env(cart_pole.CartPole()),
    "cart_pole-freeze": cart_pole.env(cart_pole.CartPole(after_fall="freeze")),
    "fork": fork.env(fork.Fork()),
    "mountain_car": mountain_car.env(mountain_car.MountainCar()),
    "mountain_car_continuous": mountain_car_continuous.env(mountain_car_continuous.MountainCarContinuous()),
    "pendulum": pendulum.env(pendulum.Pendulum()),
    "point_mass": point_mass.env(point_mass.PointMass()),
}
SYMMETRIC = ["acrobot", "cart_pole", "cart_pole-freeze", "fork", "pendulum", "point_mass"]


def states(env: Environment, count: int = 32) -> jax.Array:
    box = env.state_box
    return jnp.asarray(np.random.default_rng(0).uniform(box.low, box.high, (count, box.size)), jnp.float32)


def actions(env: Environment, count: int = 32) -> jax.Array:
    rng, space = np.random.default_rng(1), env.spaces.action
    if isinstance(space, Discrete):
        return jnp.asarray(rng.integers(space.size, size=count), jnp.int32)
    return jnp.asarray(rng.uniform(space.low, space.high, (count, space.size)), jnp.float32)


@pytest.mark.parametrize("env", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_an_observation_gives_its_state_back(env: Environment) -> None:
    given = states(env)
    np.testing.assert_allclose(jax.vmap(env.state_of)(jax.vmap(env.observe)(given)), given, atol=1e-5)
    assert len(env.state_names) == env.state_box.size == given.shape[1]
    assert np.isfinite([env.state_box.low, env.state_box.high]).all()


@pytest.mark.parametrize("env", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_frames_show_the_state(env: Environment) -> None:
    frames = np.asarray(jax.jit(jax.vmap(lambda state: env.frame(state, 130)))(states(env, 4)))
    assert frames.dtype == np.uint8
    assert frames.shape[1] == 130
    assert frames.shape[2] >= 100
    for index, frame in enumerate(frames):
        assert len(np.unique(frame.reshape(-1, 3), axis=0)) > 20  # shapes with smooth edges
        for other in frames[:index]:
            assert (frame != other).any(axis=-1).sum() > 20


@pytest.mark.parametrize("name", SYMMETRIC)
def test_the_mirror_image_of_a_step_is_the_step_of_the_mirror_image(name: str) -> None:
    env = ENVIRONMENTS[name]

    @jax.jit
    @jax.vmap
    def compare(state: jax.Array, action: jax.Array) -> tuple:
        def step(state: jax.Array, action: jax.Array) -> tuple:
            state, transition = env.step(state, action, key=jax.random.key(0))
            return env.observe(state), transition

        obs, action_image = env.mirror(env.observe(state), action)
        next_obs, transition = step(state, action)
        return (env.mirror(next_obs, action)[0], transition), step(env.state_of(obs), action_image)

    expected, got = compare(states(env), actions(env))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), expected, got)


def test_a_car_between_unequal_walls_has_no_mirror_image() -> None:
    without = [name for name, env in ENVIRONMENTS.items() if not isinstance(env, Mirrored)]
    assert without == ["mountain_car", "mountain_car_continuous"]


@pytest.mark.parametrize("env", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_an_action_beyond_the_space_is_clipped(env: Environment) -> None:
    if isinstance(env.spaces.action, Discrete):
        return
    limit = jnp.asarray(env.spaces.action.bounds[1], jnp.float32)
    step = jax.jit(lambda action: env.step(states(env)[0], action, key=jax.random.key(0)))
    jax.tree.map(np.testing.assert_array_equal, step(limit), step(10 * limit))


def test_physical_constants_are_traced() -> None:
    traces = []

    @eqx.filter_jit
    def fall(env: Environment) -> jax.Array:
        traces.append(None)
        return env.step(jnp.asarray([1.0, 0.0]), jnp.zeros(1), key=jax.random.key(0))[0]

    def world(gravity: float) -> Environment:
        env = pendulum.env(pendulum.Pendulum(gravity=gravity))
        return jax.tree.map(lambda leaf: jnp.asarray(leaf) if isinstance(leaf, float) else leaf, env)

    np.testing.assert_allclose(fall(world(20.0))[1], 2 * fall(world(10.0))[1], rtol=1e-5)
    assert len(traces) == 1


def test_the_point_mass_is_the_linear_system_that_it_says() -> None:
    env = ENVIRONMENTS["point_mass"]
    A, B, Q, R = env.linear_quadratic()
    for state, action in zip(states(env, 5), actions(env, 5), strict=True):
        following, (reward, terminated) = env.step(state, action, key=jax.random.key(0))
        np.testing.assert_allclose(following, A @ state + B @ action, atol=1e-5)
        np.testing.assert_allclose(reward, -(state @ Q @ state + action @ R @ action), rtol=1e-5)
        assert not terminated


def test_only_a_linear_system_has_matrices() -> None:
    assert [name for name, env in ENVIRONMENTS.items() if isinstance(env, LinearQuadraticForm)] == ["point_mass"]


def test_where_rewards_above_0_are_those_of_a_goal_an_environment_says_so() -> None:
    assert [name for name, env in ENVIRONMENTS.items() if isinstance(env, GoalRewarding)] == ["mountain_car_continuous"]
    env = ENVIRONMENTS["mountain_car_continuous"]
    _, before = env.step(jnp.array([0.3, 0.0]), jnp.ones(1), key=jax.random.key(0))
    _, at_goal = env.step(jnp.array([0.449, 0.02]), jnp.zeros(1), key=jax.random.key(0))
    assert float(before.reward) < 0.0
    assert float(at_goal.reward) == env.goal_reward


def test_a_negative_force_exchanges_left_and_right() -> None:
    env, exchanged = ENVIRONMENTS["mountain_car"], mountain_car.env(mountain_car.MountainCar(force=-0.001))

    @jax.jit
    @jax.vmap
    def steps(state: jax.Array, action: jax.Array) -> tuple:
        key = jax.random.key(0)
        return env.step(state, action, key=key), exchanged.step(state, 2 - action, key=key)

    jax.tree.map(np.testing.assert_array_equal, *steps(states(env), actions(env)))


def test_after_a_fall_a_frozen_pole_stays_where_it_is_and_earns_nothing_up_to_the_time_limit() -> None:
    """A return is that of the environment whose episodes terminate; how long an episode is tells nothing."""
    fixed, ended = (
        collect_episodes(world, RandomPolicy.of(world.spaces), num_episodes=16, key=jax.random.key(0), stochastic=True)
        for world in (
            cart_pole.env(cart_pole.CartPole(after_fall=after, max_steps=80)) for after in ("freeze", "terminate")
        )
    )
    np.testing.assert_array_equal(fixed.lengths, 80)
    assert not fixed.terminated.any()
    assert ended.terminated.sum() > 12
    np.testing.assert_array_equal(fixed.returns, ended.lengths)
    for obs, length in zip(fixed.obs, ended.lengths, strict=True):
        np.testing.assert_array_equal(obs[length:], np.broadcast_to(obs[length], obs[length:].shape))
