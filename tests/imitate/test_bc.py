import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.env import point_mass
from ilkit.expert import lqr
from ilkit.imitate.bc import BC, imitate
from ilkit.rollout import episodes
from ilkit.running.loop import train


def clone(spec, head, demos, num_seeds=1):
    return train(lambda key: imitate(spec, head, demos, key=key), key=jax.random.key(0), num_seeds=num_seeds)


def test_cloning_the_linear_regulator_recovers_its_gain(head):
    env = Build("env", "point_mass", point_mass.env, point_mass.PointMass())
    expert = lqr.expert(lqr.LQR(), env, key=jax.random.key(0))
    demos = episodes.rollout(episodes.Episodes(num_episodes=20), env, expert, key=jax.random.key(1))
    learnt = clone(BC(learning_rate=1e-2, num_steps=2000), head("deterministic"), demos)[0]
    gain = -jax.jacobian(lambda obs: learnt.mode((), obs)[1])(jnp.zeros(4))
    assert np.linalg.norm(gain - expert.gain) < 0.01 * np.linalg.norm(expert.gain)


@pytest.fixture
def two_ways(labeled):
    """Left or right, by chance: a = ±1 + 0.1 ε."""
    random = np.random.default_rng(0)
    obs = random.normal(size=(4000, 2))
    return labeled(obs, random.choice([-1.0, 1.0], (4000, 1)) + 0.1 * random.normal(size=(4000, 1)))


def held_out_loss(policy):
    random = np.random.default_rng(1)
    obs = jnp.asarray(random.normal(size=(4000, 2)), jnp.float32)
    actions = jnp.asarray(np.tile([[-1.0], [1.0]], (2000, 1)) + 0.1 * random.normal(size=(4000, 1)), jnp.float32)
    return float(jnp.mean(-jax.vmap(lambda one, action: policy.log_prob((), one, action)[1])(obs, actions)))


def test_squared_error_averages_two_ways_to_none(head, two_ways):
    learnt = clone(BC(learning_rate=1e-3, num_steps=1500), head("deterministic", hidden=(16,)), two_ways)[0]
    actions = jax.vmap(lambda obs: learnt.mode((), obs)[1])(
        jnp.asarray(np.random.default_rng(2).normal(size=(200, 2)), jnp.float32)
    )
    assert float(jnp.abs(actions.mean())) < 0.05
    assert float(jnp.abs(learnt.mode((), jnp.zeros(2))[1][0])) < 0.05


def test_a_gaussian_covers_two_ways_with_the_loss_of_the_closed_form(head, two_ways):
    learnt = clone(BC(learning_rate=3e-3, num_steps=1500), head("gaussian", hidden=(16,)), two_ways)[0]
    assert held_out_loss(learnt) == pytest.approx(1.424, abs=0.01)


def test_a_mixture_keeps_both_ways(head, two_ways):
    learnt = clone(BC(learning_rate=3e-3, num_steps=2500), head("mixture", hidden=(16,), num_components=2), two_ways)[0]
    assert held_out_loss(learnt) <= -0.17
    mixture = learnt.distribution(learnt.outputs((), jnp.zeros(2))[1])
    order = np.argsort(mixture.component_mean[:, 0])
    np.testing.assert_allclose(mixture.component_mean[order, 0], [-1.0, 1.0], atol=0.05)
    weights = jax.nn.softmax(mixture.mixing_distribution.logits)
    assert ((weights >= 0.4) & (weights <= 0.6)).all()
    assert abs(abs(float(learnt.mode((), jnp.zeros(2))[1][0])) - 1.0) < 0.05


def test_a_categorical_head_learns_frequencies(head, labeled):
    from ilkit.data.spaces import Discrete

    random = np.random.default_rng(0)
    demos = labeled(random.normal(size=(4000, 2)), random.choice(3, 4000, p=[0.6, 0.1, 0.3]), Discrete(size=3))
    learnt = clone(BC(learning_rate=3e-3, num_steps=1000), head("categorical"), demos)[0]
    probabilities = np.exp([learnt.log_prob((), jnp.zeros(2), jnp.asarray(action))[1] for action in range(3)])
    np.testing.assert_allclose(probabilities, [0.6, 0.1, 0.3], atol=0.04)


def test_observations_are_standardized_by_the_demonstrations_alone(head, labeled):
    obs = np.random.default_rng(0).normal(5.0, [2.0, 0.1], size=(300, 2))
    learnt = clone(BC(num_steps=1), head("deterministic"), labeled(obs, obs[:, :1]))[0]
    np.testing.assert_allclose(learnt.normalizer.mean, obs.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(learnt.normalizer.std, obs.std(axis=0), rtol=1e-4)


def test_one_step_is_one_step_of_adam_with_decoupled_decay(head, labeled):
    obs = np.random.default_rng(0).normal(size=(64, 2))
    demos = labeled(obs, obs[:, :1])
    spec = BC(learning_rate=0.1, weight_decay=0.5, num_steps=1, batch_size=1)
    before = clone(BC(learning_rate=1e-30, num_steps=1, batch_size=1), head("deterministic"), demos)[0]
    after = clone(spec, head("deterministic"), demos)[0]
    change = (
        after.network.layers.weights[0] - before.network.layers.weights[0]
    ) / 0.1 + 0.5 * before.network.layers.weights[0]
    np.testing.assert_allclose(np.abs(change), 1.0, atol=1e-4)


def test_seeds_differ_and_all_learn(head, labeled):
    obs = np.random.default_rng(0).normal(size=(200, 2))
    learnt = clone(BC(learning_rate=1e-2, num_steps=500), head("deterministic"), labeled(obs, obs[:, :1]), num_seeds=3)
    weights = learnt.stacked.network.layers.weights[0]
    assert len(np.unique(weights[:, 0, 0])) == 3
    assert (learnt.curves["loss"][:, -1] < 1e-3).all()
    assert (learnt.curves["loss"][:, 0] > 0.1).all()
