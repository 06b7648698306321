"""Environments that show what a policy needs: what their demonstrators do, and what fails without it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.environment import Environment, Mapped
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.env import brake_light, fork, particle, pendulum, recall
from ilkit.errors import DataError
from ilkit.expert.scripted import Scripted, expert
from ilkit.stepping.episode_arrays import Episodes
from ilkit.stepping.episodes import collect_episodes

KEY = jax.random.key(0)
ENVIRONMENTS = {
    "brake_light": (brake_light.env, brake_light.BrakeLight()),
    "fork": (fork.env, fork.Fork()),
    "particle": (particle.env, particle.Particle()),
    "particle-16": (particle.env, particle.Particle(num_dimensions=16)),
    "recall": (recall.env, recall.Recall(delay=5)),
}


class Acts(Policy):
    """Does what a function of the observation says."""

    function: object = eqx.field(static=True)
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry, obs):
        return carry, self.function(obs)


def run(name: str, function=None, *, count: int = 64, stochastic: bool = True) -> Episodes:
    make, spec = ENVIRONMENTS[name]
    env = make(spec)
    policy = expert(Scripted(), Build("env", name, make, spec), key=KEY)
    if function is not None:
        policy = Acts(function=function, normalizer=policy.normalizer, spaces=env.spaces)
    return collect_episodes(env, policy, num_episodes=count, key=KEY, stochastic=stochastic)


@pytest.mark.parametrize("name", ["fork", "particle", "particle-16", "recall"])
def test_a_demonstrator_always_succeeds(name: str) -> None:
    episodes = run(name)
    np.testing.assert_array_equal(episodes.returns, 1.0)
    assert episodes.terminated.all()


def test_an_environment_without_a_demonstrator_is_refused() -> None:
    with pytest.raises(DataError, match="needs an environment with a demonstrator, got"):
        expert(Scripted(), Build("env", "pendulum", pendulum.env, pendulum.Pendulum()), key=KEY)


def test_the_fork_is_passed_on_both_sides_and_between_them_by_nobody() -> None:
    episodes = run("fork", count=200)
    beside = episodes.obs[:, 10, 1]
    assert 0.4 < (beside > 0).mean() < 0.6
    assert (np.abs(beside) > 0.2).all()
    assert (run("fork", stochastic=False).obs[:, 10, 1] > 0).all()
    straight = run("fork", lambda obs: jnp.stack([0.9, -obs[1]]))
    np.testing.assert_array_equal(straight.returns, 0.0)
    assert straight.terminated.all()


def test_who_passes_on_the_left_more_often_is_told() -> None:
    env = fork.env(fork.Fork(left_share=0.9))
    episodes = collect_episodes(env, env.demonstrator(), num_episodes=100, key=KEY, stochastic=True)  # type: ignore[attr-defined]
    assert 0.8 < (episodes.obs[:, 10, 1] > 0).mean() < 1.0


def test_the_fork_lasts_longer_than_a_chunk_of_16_which_covers_the_obstacle() -> None:
    episodes = run("fork")
    assert episodes.lengths.min() > 16
    assert (episodes.obs[:, 16, 0] > 0.5 + fork.Fork().obstacle_radius).all()


def test_a_particle_moves_as_its_spring_and_is_paid_for_both_goals_in_their_order() -> None:
    env = particle.env(particle.Particle())
    state = env.reset(key=KEY)
    point, position, velocity = jnp.array([0.2, 0.7]), state.position, state.velocity
    for _ in range(10):
        velocity = velocity + 0.005 * (10.0 * (point - position) - 5.0 * velocity)
        position = position + 0.005 * velocity
    after, transition = env.step(state, point, key=KEY)
    np.testing.assert_allclose(env.observe(after)[:4], jnp.concatenate([position, velocity]), rtol=1e-5)
    assert float(transition.reward) == 0.0
    wrong_order = run("particle", lambda obs: obs[6:8])
    assert wrong_order.returns.mean() < 0.2
    assert run("particle", lambda obs: obs[4:6]).returns.mean() < 0.2


def test_the_cue_is_shown_once_and_asked_for_at_the_end() -> None:
    obs = run("recall").obs
    assert set(np.unique(obs[:, 0, 0])) == {-1.0, 1.0}
    np.testing.assert_array_equal(obs[:, 1:, 0], 0.0)
    np.testing.assert_array_equal(obs[:, :-1, 1], np.broadcast_to(np.arange(7) == 6, (64, 7)))
    guess = run("recall", lambda obs: jnp.int32(1), count=256).returns.mean()
    assert 0.4 < guess < 0.6


def test_who_copies_his_own_light_never_changes_and_who_trusts_the_camera_does_better() -> None:
    copies = run("brake_light", lambda obs: (obs[2] > 0).astype(jnp.int32))
    assert (np.diff(copies.executed, axis=1) == 0).all()
    watches = run("brake_light", lambda obs: (obs[0] > 0).astype(jnp.int32))
    demonstrated = run("brake_light")
    means = [one.returns.mean() for one in (copies, watches, demonstrated)]
    assert means[0] < 60 < 70 < means[1] < 80 < means[2]
    same = np.mean(demonstrated.executed[:, 1:] == demonstrated.executed[:, :-1])
    agrees = np.mean(demonstrated.executed == (demonstrated.obs[:, :-1, 0] > 0))
    assert same > agrees + 0.05


@pytest.mark.parametrize(("light", "values"), [("shown", {-1.0, 1.0}), ("random", {-1.0, 1.0}), ("hidden", {0.0})])
def test_the_light_shows_the_last_action_a_random_one_or_none(light: str, values: set[float]) -> None:
    env = brake_light.env(brake_light.BrakeLight(light=light))  # type: ignore[arg-type]
    episodes = collect_episodes(env, env.demonstrator(), num_episodes=16, key=KEY)  # type: ignore[attr-defined]
    lights = episodes.obs[:, 1:, 2]
    assert set(np.unique(lights)) == values
    if light == "shown":
        np.testing.assert_array_equal(lights > 0, episodes.executed == 1)
    else:
        assert 0.4 < np.mean((lights > 0) == (episodes.executed == 1)) < 0.6


@pytest.mark.parametrize("name", ["fork", "particle", "recall", "brake_light"])
def test_states_can_be_drawn(name: str) -> None:
    make, spec = ENVIRONMENTS[name]
    env = make(spec)

    @jax.jit
    def frames(key: PRNGKeyArray) -> jax.Array:
        states = jax.vmap(lambda key: env.reset(key=key))(jax.random.split(key, 8))
        return jax.vmap(lambda state: env.frame(state, 60))(states)

    drawn = np.asarray(frames(KEY))
    assert drawn.dtype == np.uint8
    assert drawn.shape[1] == 60
    assert any((drawn[0] != other).any() for other in drawn[1:])


@pytest.mark.parametrize("name", ["fork", "particle"])
def test_a_map_has_what_moves_on_it(name: str) -> None:
    make, spec = ENVIRONMENTS[name]
    env = make(spec)
    assert isinstance(env, Environment)
    assert isinstance(env, Mapped)
    picture, (left, right, lower, upper) = env.chart(60)
    assert picture.shape[0] == 60
    x, y = np.asarray(jax.vmap(env.position)(jnp.asarray(run(name).obs[:, 0]))).T
    assert (left <= x).all()
    assert (x <= right).all()
    assert (lower <= y).all()
    assert (y <= upper).all()
