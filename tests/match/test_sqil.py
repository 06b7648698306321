"""Soft Q imitation: what it learns, what its reward says, and what it refuses."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.errors import DataError
from ilkit.match import sqil
from ilkit.network import mlp
from ilkit.policy import categorical, gaussian
from ilkit.testing import problems

_TRACKING = {"num_envs": 8, "batch_size": 32, "demo_batch_size": 16, "discount": 0.5}


def head_of(kind: str) -> Build[Any]:
    network = Build("network", "mlp", mlp.network, mlp.MLP(hidden=(16,)))
    if kind == "discrete":
        return Build("policy", "categorical", categorical.policy, categorical.Categorical(), (network,))
    return Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(squash=True), (network,))


@pytest.mark.parametrize("absorbing", [True, False])
def test_discrete_values_satisfy_their_own_equation(absorbing: bool, train: Any) -> None:
    """r(s, a) + γ V(s') = Q(s, a), with the logits of the policy as values over α, up to one number for all actions."""
    spec = sqil.SQIL(num_steps=30, absorbing_states=absorbing, entropy_weight=0.2, **_TRACKING)
    world, demos = problems.environment("discrete"), problems.demonstrations(6, "discrete")
    learnt = train(sqil, spec, head_of("discrete"), world, demos)
    reward, policy = learnt[0].reward, learnt[0].policy
    obs, after = jnp.array([0.3, -0.4]), jnp.array([0.1, 0.2])
    rewards = np.array([reward(obs, jnp.asarray(a), after, jnp.asarray(False)) for a in range(3)])
    log_probs = np.array([policy.log_prob((), obs, jnp.asarray(a))[1] for a in range(3)])
    np.testing.assert_allclose(rewards - rewards[0], 0.2 * (log_probs - log_probs[0]), rtol=1e-4, atol=1e-5)
    valued, now = float(reward.value_of(obs, jnp.asarray(0))), (obs, jnp.asarray(0), after)
    assert rewards[0] + 0.5 * float(reward.value(after)) == pytest.approx(valued, rel=1e-4)
    assert float(reward.earned(*now, jnp.asarray(True), discount=0.5)) == pytest.approx(valued, rel=1e-4)
    assert reward.has_absorbing == absorbing
    assert absorbing or float(reward.absorbing) == 0.0


def test_what_demonstrations_never_did_earns_less(train: Any) -> None:
    spec = sqil.SQIL(num_steps=300, **_TRACKING)
    world, demos = problems.environment("discrete"), problems.demonstrations(20, "discrete")
    learnt = train(sqil, spec, head_of("discrete"), world, demos)
    assert problems.action_error(learnt[0].policy, "discrete") < 0.1
    obs = jax.random.uniform(jax.random.key(3), (64, 2), minval=-0.6, maxval=0.6)
    after = obs @ problems.TURN.T
    best = jax.vmap(lambda one: problems.expert_action(one, "discrete"))(obs)

    def mean(actions: Any) -> float:
        ended = jnp.zeros(len(obs), bool)
        return float(jnp.mean(jax.vmap(learnt[0].reward)(obs, actions, after, ended)))

    assert mean(best) > mean((best + 1) % 3) + 0.2


def test_continuous_actions_are_learnt_by_soft_actor_critic(train: Any) -> None:
    spec = sqil.SQIL(
        form="soft_actor_critic", num_steps=400, initial_temperature=1e-2, critic_hidden=(32,), **_TRACKING
    )
    world, demos = problems.environment("continuous"), problems.demonstrations(20, "continuous")
    learnt = train(sqil, spec, head_of("continuous"), world, demos)
    before = problems.action_error(head_of("continuous")(world().spaces, key=jax.random.key(0)), "continuous")
    assert problems.action_error(learnt[0].policy, "continuous") < 0.5 * before
    reward, obs, action = learnt[0].reward, jnp.array([0.3, -0.4]), jnp.array([0.1, 0.2])
    expected = float(reward.value_of(obs, action)) - 0.5 * float(reward.value(obs))
    assert float(reward(obs, action, obs, jnp.asarray(False))) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_the_other_forms_actions_are_refused(train: Any) -> None:
    pairs = [("soft_q", "continuous", "soft_actor_critic"), ("soft_actor_critic", "discrete", "soft_q")]
    for form, actions, remedy in pairs:
        spec, world = sqil.SQIL(form=form), problems.environment(actions)
        with pytest.raises(DataError, match=rf"match\.sqil\.form: {form} needs .* Set form to {remedy}"):
            train(sqil, spec, head_of(actions), world, problems.demonstrations(5, actions))


def test_an_infinite_worth_of_absorbing_states_is_refused(train: Any) -> None:
    world, demos = problems.environment("discrete"), problems.demonstrations(5, "discrete")
    with pytest.raises(DataError, match=r"match\.sqil\.discount: must be below 1 with absorbing states"):
        train(sqil, sqil.SQIL(discount=1.0), head_of("discrete"), world, demos)


def test_a_policy_without_logits_is_refused(train: Any) -> None:
    world, demos = problems.environment("continuous"), problems.demonstrations(5, "continuous")
    plain = Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(), head_of("continuous").parts)
    with pytest.raises(DataError, match=r"policy: must keep its samples within the bounds"):
        train(sqil, sqil.SQIL(form="soft_actor_critic"), plain, world, demos)
