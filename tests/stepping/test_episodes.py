import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.build import Build
from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.env import cart_pole, gymnasium, mountain_car_continuous, pendulum
from ilkit.errors import DataError
from ilkit.expert import energy_pump, swing_up
from ilkit.stepping.behavior import Sampling
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy
from ilkit.stepping.side_by_side import CompiledEnvs

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
PENDULUM = pendulum.env(pendulum.Pendulum(max_steps=30))
CART_POLE = cart_pole.env(cart_pole.CartPole())


class Linear(Policy):
    """gain @ obs, or whether it is positive; counts its steps in the carry, and samples around the mode."""

    gain: Float[Array, "act obs"]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def initial_carry(self) -> PyTree:
        return jnp.zeros((), jnp.int32)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Array]:
        action = self.gain @ obs + (carry == 20)
        return carry + 1, action if self.spaces.action.kind == "box" else (action[0] > 0).astype(jnp.int32)

    def sample(self, carry: PyTree, obs: Float[Array, " obs"], *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        carry, mode = self.mode(carry, obs)
        return carry, mode + jax.random.normal(key, mode.shape)


def linear(gain: list[float], env: Environment = PENDULUM) -> Linear:
    return Linear(jnp.asarray([gain]), Normalizer.identity(len(gain)), env.spaces)


ONE, OTHER = linear([0.1, -0.5, -0.1]), linear([-0.3, 0.2, 0.4])


def test_initial_states_depend_on_the_key_and_the_number_of_the_episode_alone() -> None:
    few = collect_episodes(PENDULUM, ONE, num_episodes=3, key=KEY)
    many = collect_episodes(PENDULUM, OTHER, num_episodes=70, key=KEY, action_noise=0.5)
    later = collect_episodes(PENDULUM, ONE, num_episodes=2, key=KEY, first_episode=1)
    np.testing.assert_array_equal(few.obs[:, 0], many.obs[:3, 0])
    np.testing.assert_array_equal(few.obs[1:], later.obs)
    assert len(np.unique(many.obs[:, 0, 2])) == 70
    other = collect_episodes(PENDULUM, ONE, num_episodes=3, key=jax.random.key(1))
    assert not np.isclose(few.obs[:, 0], other.obs[:, 0]).all(axis=1).any()


def test_episodes_do_not_depend_on_how_many_are_run() -> None:
    few = collect_episodes(PENDULUM, ONE, num_episodes=3, key=KEY, action_noise=0.5)
    many = collect_episodes(PENDULUM, ONE, num_episodes=65, key=KEY, action_noise=0.5)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b[:3]), few[:7], many[:7])


def test_episodes_replay_step_by_step() -> None:
    run = collect_episodes(PENDULUM, ONE, num_episodes=1, key=KEY, action_noise=0.3)

    @jax.jit
    def follow(index: Array, obs: Array, action: Array) -> tuple[Array, Array, Array]:
        state, (reward, _) = PENDULUM.step(PENDULUM.state_of(obs), action, key=KEY)
        return PENDULUM.observe(state), reward, ONE.mode(index, obs)[1]

    for index in range(run.lengths[0]):
        obs, reward, intended = follow(index, run.obs[0, index], run.executed[0, index])
        np.testing.assert_allclose(run.rewards[0, index], reward, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(run.obs[0, index + 1], obs, atol=1e-5)
        np.testing.assert_allclose(run.intended[0, index], intended, atol=1e-5)


def test_noise_is_added_then_clipped_and_the_intended_action_is_kept() -> None:
    quiet = collect_episodes(PENDULUM, ONE, num_episodes=64, key=KEY)
    np.testing.assert_array_equal(quiet.executed, np.clip(quiet.intended, -2, 2))
    noisy = collect_episodes(PENDULUM, ONE, num_episodes=64, key=KEY, action_noise=0.4)
    inside = (np.abs(noisy.executed) < 2) & (np.abs(noisy.intended) < 0.5)
    assert (noisy.executed - noisy.intended)[inside].std() == pytest.approx(0.4, rel=0.05)
    sampled = collect_episodes(PENDULUM, ONE, num_episodes=64, key=KEY, stochastic=True)
    assert not np.array_equal(sampled.intended, quiet.intended)
    np.testing.assert_array_equal(sampled.obs[:, 0], quiet.obs[:, 0])


def test_discrete_noise_is_the_probability_of_a_random_action() -> None:
    run = collect_episodes(CART_POLE, linear([0, 0, 1, 1], CART_POLE), num_episodes=64, key=KEY, action_noise=0.5)
    taken = np.arange(run.rewards.shape[1]) < run.lengths[:, None]
    assert run.executed.dtype == np.int32
    assert (run.executed != run.intended)[taken].mean() == pytest.approx(0.25, abs=0.02)


def test_terminated_and_truncated_are_told_apart() -> None:
    falls = collect_episodes(CART_POLE, linear([0, 0, -1, 0], CART_POLE), num_episodes=5, key=KEY)
    assert falls.terminated.all()
    assert not falls.truncated.any()
    assert (falls.lengths < 100).all()
    np.testing.assert_array_equal(falls.returns, falls.lengths)
    last = np.take_along_axis(falls.obs, falls.lengths[:, None, None], axis=1)[:, 0]
    assert (np.abs(last[:, 2]) > 12 * np.pi / 180).all()
    balances = collect_episodes(CART_POLE, linear([0.1, 0.2, 1, 1], CART_POLE), num_episodes=5, key=KEY)
    assert balances.truncated.all()
    assert not balances.terminated.any()
    assert (balances.lengths == 500).all()


def test_episodes_end_at_the_goal_of_a_car() -> None:
    build = Build(
        "env", "mountain_car_continuous", mountain_car_continuous.env, mountain_car_continuous.MountainCarContinuous()
    )
    run = collect_episodes(
        build(), energy_pump.expert(energy_pump.EnergyPump(), build, key=KEY), num_episodes=3, key=KEY
    )
    assert run.terminated.all()
    assert run.obs.shape[1] == run.lengths.max() + 1
    for index, length in enumerate(run.lengths):
        assert run.obs[index, length, 0] >= 0.45 > run.obs[index, length - 1, 0]
        assert not run.obs[index, length + 1 :].any()
        assert run.rewards[index, length - 1] > 99
        assert not run.rewards[index, length:].any()


def test_given_initial_states_are_started_from() -> None:
    states = np.random.default_rng(0).uniform(-1, 1, (70, 2)).astype(np.float32)
    run = collect_episodes(PENDULUM, ONE, num_episodes=70, key=KEY, initial_states=states)
    np.testing.assert_allclose(jax.vmap(PENDULUM.state_of)(run.obs[:, 0]), states, atol=1e-6)


def test_episodes_become_demonstrations() -> None:
    run = collect_episodes(CART_POLE, linear([0, 0, -1, 0], CART_POLE), num_episodes=4, key=KEY, action_noise=0.1)
    demos = run.demonstrations("executed")
    assert demos.spaces == CART_POLE.spaces
    np.testing.assert_array_equal(demos.lengths, run.lengths)
    np.testing.assert_allclose(demos.returns, run.returns)
    rows = demos.transitions()
    for episode, length in enumerate(run.lengths):
        mine = np.flatnonzero(np.asarray(rows.valid & (rows.episode == episode)))
        np.testing.assert_array_equal(rows.before()[mine], run.obs[episode, :length])
        np.testing.assert_array_equal(demos.after()[mine], run.obs[episode, 1 : length + 1])
        np.testing.assert_array_equal(rows.actions[mine], run.executed[episode, :length])
        assert rows.terminated[mine][-1]
        assert not rows.terminated[mine][:-1].any()
    assert not np.array_equal(demos.actions, run.demonstrations().actions)


def test_nothing_compiles_again_for_another_policy_key_noise_number_or_constant() -> None:
    traces = []

    class Counted(Linear):
        def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Array]:
            traces.append(None)
            return super().mode(carry, obs)

    def policy(gain: float) -> Policy:
        return Counted(jnp.asarray([[gain, gain, gain]]), Normalizer.identity(3), PENDULUM.spaces)

    collect_episodes(PENDULUM, policy(0.1), num_episodes=3, key=KEY, action_noise=0.1)
    once = len(traces)
    heavier = pendulum.env(pendulum.Pendulum(max_steps=30, mass=1.5))
    collect_episodes(heavier, policy(0.2), num_episodes=70, key=jax.random.key(1), action_noise=0.2, first_episode=5)
    assert len(traces) == once


def test_the_environments_own_randomness_differs_from_step_to_step() -> None:
    class Shaken(pendulum.PendulumEnvironment):
        def step(self, state: Array, action: Array, *, key: PRNGKeyArray) -> tuple[Array, Transition]:
            return jax.random.normal(key, (2,)), Transition(jnp.zeros(()), jnp.asarray(False))

    fields = {name: getattr(PENDULUM, name) for name in ("spec", "spaces", "max_steps", "state_names", "state_box")}
    run = collect_episodes(Shaken(**fields), ONE, num_episodes=64, key=KEY)
    speeds = run.obs[:, 1:, 2].ravel()
    assert len(np.unique(speeds)) == speeds.size
    assert speeds.std() == pytest.approx(1.0, rel=0.1)


def test_a_policy_for_other_spaces_is_refused() -> None:
    with pytest.raises(DataError, match="observations"):
        collect_episodes(CART_POLE, ONE, num_episodes=1, key=KEY)


class TestHost:
    """The same on an environment that runs on the host."""

    ENV = gymnasium.env(gymnasium.Gymnasium(id="Pendulum-v1", max_steps=30))

    def test_it_agrees_with_the_native_environment(self) -> None:
        expert = swing_up.expert(
            swing_up.SwingUp(), Build("env", "pendulum", pendulum.env, pendulum.Pendulum()), key=KEY
        )
        host = collect_episodes(self.ENV, expert, num_episodes=11, key=KEY)
        states = np.asarray(jax.vmap(PENDULUM.state_of)(host.obs[:, 0]))
        native = collect_episodes(PENDULUM, expert, num_episodes=11, key=KEY, initial_states=states)
        np.testing.assert_allclose(host.obs, native.obs, atol=2e-2)
        np.testing.assert_allclose(host.returns, native.returns, rtol=1e-2)
        assert host.truncated.all()
        assert (host.lengths == 30).all()

    def test_initial_states_depend_on_the_key_and_the_number_of_the_episode_alone(self) -> None:
        few = collect_episodes(self.ENV, ONE, num_episodes=3, key=KEY)
        many = collect_episodes(self.ENV, OTHER, num_episodes=11, key=KEY, action_noise=0.5)
        later = collect_episodes(self.ENV, ONE, num_episodes=2, key=KEY, first_episode=1)
        np.testing.assert_array_equal(few.obs[:, 0], many.obs[:3, 0])
        np.testing.assert_array_equal(few.obs[1:], later.obs)
        assert len(np.unique(many.obs[:, 0, 2])) == 11

    def test_the_last_observation_is_recorded_and_no_step_is_made_up(self) -> None:
        env = gymnasium.env(gymnasium.Gymnasium(id="CartPole-v1"))
        run = collect_episodes(env, linear([0, 0, -1, 0], CART_POLE), num_episodes=11, key=KEY)
        assert run.terminated.all()
        np.testing.assert_array_equal(run.returns, run.lengths)
        assert len(set(run.lengths)) > 1
        last = np.take_along_axis(run.obs, run.lengths[:, None, None], axis=1)[:, 0]
        assert (np.abs(last[:, 2]) > 12 * np.pi / 180).all()
        step = jax.jit(lambda state, action: CART_POLE.step(state, action, key=KEY)[0])
        for index in range(run.lengths[3]):
            following = step(run.obs[3, index], run.executed[3, index])
            np.testing.assert_allclose(run.obs[3, index + 1], following, atol=1e-5)

    def test_it_draws_its_own_initial_states(self) -> None:
        with pytest.raises(DataError, match="initial"):
            collect_episodes(self.ENV, ONE, num_episodes=1, key=KEY, initial_states=np.zeros((1, 2)))


class Clock(Environment):
    """A state that is no vector: whole hours and a fraction of one."""

    spaces: Spaces = eqx.field(static=True, default=PENDULUM.spaces)
    max_steps: int = eqx.field(static=True, default=6)

    def reset(self, *, key: PRNGKeyArray) -> PyTree:
        return {"hours": jnp.zeros((), jnp.int32), "rest": jax.random.uniform(key, (2,))}

    def step(self, state: PyTree, action: Array, *, key: PRNGKeyArray) -> tuple[PyTree, Transition]:
        after = {"hours": state["hours"] + 1, "rest": state["rest"] / 2}
        return after, Transition(jnp.asarray(1.0), after["hours"] >= 4)

    def observe(self, state: PyTree) -> Array:
        return jnp.append(state["rest"], state["hours"].astype(jnp.float32))


def test_states_are_kept_whatever_they_are() -> None:
    run = collect_episodes(Clock(), RandomPolicy.of(PENDULUM.spaces), num_episodes=3, key=KEY)
    assert run.states["hours"].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(run.states["rest"], run.obs[0, :, :2])
    assert run.lengths.tolist() == [4, 4, 4]


def test_states_that_are_no_vector_are_stepped_side_by_side() -> None:
    envs = CompiledEnvs(Clock(), 2)
    policy = RandomPolicy.of(PENDULUM.spaces)
    trials, rollout = envs.collect(policy, Sampling(), envs.reset(key=KEY), num_steps=5, key=KEY)
    assert rollout.obs[:, 0, 2].tolist() == [0, 1, 2, 3, 0]
    assert trials.states["hours"].tolist() == [1, 1]
