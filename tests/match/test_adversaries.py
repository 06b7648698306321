"""The adversarial kinds: what their rewards are, that settings do what they say, and what they refuse."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.artifact.store import load, save
from ilkit.data.seeds import Seeds
from ilkit.errors import DataError
from ilkit.match import airl, f_divergence, gail
from ilkit.matching.pairs import Pairs, draw_replayed, pairs_of, remember
from ilkit.math.divergences import DIVERGENCES
from ilkit.stepping.records import Outcome, Rollout

pytestmark = pytest.mark.bits

SMALL: dict[str, Any] = {
    **{"num_envs": 4, "rollout_length": 8, "num_minibatches": 2, "num_epochs": 1, "critic_hidden": (4,)},
    **{
        "discriminator_hidden": (6,),
        "discriminator_batch_size": 16,
        "num_steps": 3,
        "discriminator_learning_rate": 0.05,
    },
}
KINDS = {"gail": (gail, gail.GAIL), "airl": (airl, airl.AIRL), "f_divergence": (f_divergence, f_divergence.FDivergence)}


def prepared(kind: str, head: Any, env: Any, demos: Any, **settings: Any) -> Any:
    module, spec = KINDS[kind]
    return module.match(spec(**SMALL | settings), head, env, demos, key=jax.random.key(0))


@pytest.fixture(scope="module")
def rewards(balance: Any, head: Any, demos: Any) -> Any:
    """The reward that a kind makes of a discriminator that was drawn, and that discriminator."""

    def make(kind: str, **settings: Any) -> Any:
        training = prepared(kind, head, balance, demos, **settings)
        adversary = training.state.adversary
        leaves, structure = jax.tree.flatten(adversary.fitted.trained)
        drawn = np.random.default_rng(0)
        moved = [leaf + jnp.asarray(drawn.normal(scale=0.5, size=leaf.shape), jnp.float32) for leaf in leaves]
        fitted = adversary.fitted._replace(trained=jax.tree.unflatten(structure, moved))
        state = training.state._replace(adversary=adversary._replace(fitted=fitted))
        return training.finish(state).reward, fitted.discriminator

    return make


def of_steps(reward: Any, demos: Any, terminated: bool = False) -> np.ndarray:
    obs, actions, after = map(jnp.asarray, (demos.before(), demos.actions, demos.after()))
    ended = jnp.full(len(actions), terminated)
    return np.asarray(jax.vmap(lambda *step: reward.earned(*step, discount=0.9))(obs, actions, after, ended))


@pytest.mark.parametrize(
    ("sign", "function"),
    [
        ("positive", lambda logits: np.log1p(np.exp(logits))),
        ("negative", lambda logits: -np.log1p(np.exp(-logits))),
        ("logit", lambda logits: logits),
    ],
)
def test_the_reward_of_gail_is_that_of_its_sign(sign: str, function: Any, rewards: Any, demos: Any) -> None:
    reward, _ = rewards("gail", reward=sign)
    pairs = Pairs(*map(jnp.asarray, (demos.before(), demos.actions, demos.after(), np.zeros(demos.num_steps, bool))))
    found = reward.discriminator
    logits = np.asarray(found.values(found.see(pairs)), np.float64)
    absorbed = function(np.float64(found.values(found.see_absorbing())[0]))
    assert np.ptp(logits) > 0.01
    np.testing.assert_allclose(of_steps(reward, demos), function(logits), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(of_steps(reward, demos, True), function(logits) + 9.0 * absorbed, rtol=1e-3, atol=1e-5)
    assert float(reward.absorbing) == pytest.approx(absorbed, rel=1e-5)
    assert reward.reads_action
    assert reward.has_absorbing


@pytest.mark.parametrize("name", sorted(DIVERGENCES))
def test_the_reward_of_a_divergence_is_its_learners_term_of_a_bounded_value(
    name: str, rewards: Any, demos: Any
) -> None:
    reward, _ = rewards("f_divergence", divergence=name, value_bound=2.0)
    pairs = Pairs(*map(jnp.asarray, (demos.before(), demos.actions, demos.after(), np.zeros(demos.num_steps, bool))))
    values = reward.discriminator.values(reward.discriminator.see(pairs))
    assert float(jnp.abs(values).max()) < 2.0
    np.testing.assert_allclose(of_steps(reward, demos), DIVERGENCES[name].learner_term(values), rtol=1e-5)


def test_a_divergence_of_ones_own_is_kept_as_a_table_and_loads_without_its_file(
    tmp_path: Path, rewards: Any, demos: Any
) -> None:
    path = tmp_path / "kl.py"
    path.write_text("import jax.numpy as jnp\n\n\ndef f(u):\n    return u * jnp.log(u)\n")
    own, _ = rewards("f_divergence", divergence="custom", function=path)
    known, _ = rewards("f_divergence", divergence="forward_kl")
    np.testing.assert_allclose(of_steps(own, demos), of_steps(known, demos), rtol=1e-3, atol=1e-3)
    path.unlink()
    save(Seeds(jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], own), {}, 1), tmp_path / "reward")
    again = load(tmp_path / "reward")[0]
    np.testing.assert_allclose(of_steps(again, demos), of_steps(own, demos), rtol=1e-6)


@pytest.mark.parametrize("inputs", ["state", "state_action"])
@pytest.mark.parametrize("absorbing", [True, False])
def test_airl_shapes_its_reward_by_a_potential_that_a_termination_ends(
    inputs: str, absorbing: bool, rewards: Any, demos: Any
) -> None:
    reward, shaped = rewards("airl", inputs=inputs, absorbing_states=absorbing, discount=0.9)
    obs, after, actions = (jnp.asarray(rows) for rows in (demos.before(), demos.after(), demos.actions))
    for ended in (False, True):
        flags = jnp.full(len(actions), ended)
        found = np.asarray(shaped.values(shaped.see(Pairs(obs, actions, after, flags))))
        potential = shaped.potential
        before = potential.values(potential.features(obs, actions, obs))
        then = potential.values(potential.features(after, actions, after))
        if ended:
            then = potential.values(potential.see_absorbing())[0] if absorbing else 0.0
        g = of_steps(reward, demos)
        np.testing.assert_allclose(found, g + 0.9 * np.asarray(then) - np.asarray(before), rtol=1e-4, atol=1e-5)
    assert reward.reads_action == (inputs == "state_action")
    assert reward.has_absorbing == absorbing
    if absorbing:
        g, h = float(reward.absorbing), float(potential.values(potential.see_absorbing())[0])
        assert float(shaped.values(shaped.see_absorbing())[0]) == pytest.approx(g + (0.9 - 1.0) * h, rel=1e-3, abs=1e-5)
    else:
        assert float(reward.absorbing) == 0.0


def judged(training: Any, terminated: bool) -> Any:
    """What a judge gives for a rollout of one step an environment, and what it is told."""
    judge = training.step.args[1].args[1]
    state = training.state
    obs = jax.random.normal(jax.random.key(3), (8, 4, 4))
    ended = jnp.zeros((8, 4), bool).at[2, 1].set(terminated)
    outcome = Outcome(jnp.full((8, 4), 7.0), obs + 0.1, ended, jnp.zeros((8, 4), bool))
    rollout = Rollout(obs, jnp.ones((8, 4), jnp.int32), (), outcome)
    policy = training.finish(state).policy
    found = judge(state.adversary, policy, rollout, jnp.array([0, 5, 0, 0], jnp.int32), key=jax.random.key(4))
    return found, pairs_of(rollout), policy


@pytest.mark.parametrize("kind", ["gail", "f_divergence"])
def test_what_a_rollout_earns_is_what_the_kept_reward_says(kind: str, balance: Any, head: Any, demos: Any) -> None:
    training = prepared(kind, head, balance, demos, discount=0.9)
    found, pairs, _ = judged(training, True)
    reward = training.finish(training.state._replace(adversary=found.adversary)).reward
    expected = jax.vmap(lambda *step: reward.earned(*step, discount=0.9))(*pairs)
    np.testing.assert_allclose(found.rewards.reshape(-1), expected, rtol=1e-5)
    assert float(found.told["learnt_reward"]) == pytest.approx(float(expected.mean()), rel=1e-5)
    visits = found.adversary.visits  # an episode of 5 + 3 steps of at most 40
    assert (float(visits.real), float(visits.absorbed)) == (32.0, 32.0)


def test_the_game_of_jensen_shannon_is_that_of_gail_whose_positive_reward_is_larger_by_log_2(
    balance: Any, head: Any, demos: Any
) -> None:
    adversarial, _, _ = judged(prepared("gail", head, balance, demos), False)
    settings = {"divergence": "jensen_shannon", "value_bound": None}
    shannon, _, _ = judged(prepared("f_divergence", head, balance, demos, **settings), False)
    np.testing.assert_allclose(shannon.rewards + np.log(2.0), adversarial.rewards, rtol=1e-4, atol=1e-5)
    assert np.ptp(shannon.rewards) > 0.01
    moments = (one.adversary.fitted.optimizer for one in (adversarial, shannon))
    for ours, theirs in zip(*map(jax.tree.leaves, moments), strict=True):  # running means of the gradients
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)


def test_airl_earns_the_logit_and_entropy_has_its_weight(balance: Any, head: Any, demos: Any) -> None:
    training = prepared("airl", head, balance, demos, discount=0.9)
    found, pairs, policy = judged(training, True)
    shaped = found.adversary.fitted.discriminator
    densities = jax.vmap(lambda obs, action: policy.log_prob((), obs, action)[1])(pairs.obs, pairs.actions)
    forever = 9.0 * shaped.values(shaped.see_absorbing())[0]
    expected = shaped.values(shaped.see(pairs)) - densities + jnp.where(pairs.terminated, forever, 0.0)
    np.testing.assert_allclose(found.rewards.reshape(-1), expected, rtol=1e-4, atol=1e-5)
    without, _, _ = judged(prepared("gail", head, balance, demos), False)
    weighed, _, _ = judged(prepared("gail", head, balance, demos, entropy_weight=0.5), False)
    np.testing.assert_allclose(
        weighed.rewards.reshape(-1), without.rewards.reshape(-1) - 0.5 * densities, rtol=1e-4, atol=1e-5
    )


def test_without_absorbing_states_a_termination_is_worth_nothing(balance: Any, head: Any, demos: Any) -> None:
    training = prepared("gail", head, balance, demos, absorbing_states=False)
    ending, _, _ = judged(training, True)
    going, _, _ = judged(training, False)
    np.testing.assert_array_equal(ending.rewards, going.rewards)
    assert not training.finish(training.state).reward.has_absorbing


def test_replayed_steps_are_those_of_the_last_iterations(balance: Any, head: Any, demos: Any) -> None:
    training = prepared("gail", head, balance, demos, replay_iterations=1)
    replay = training.state.adversary.replay
    blank = jax.tree.map(lambda rows: rows[0], replay.pairs)
    for number in (1, 2, 3):
        replay = remember(replay, blank._replace(actions=jnp.full_like(blank.actions, number)))
    kept = replay.pairs.actions
    assert kept[:, 0].tolist() == [3, 2]
    assert replay.pairs.obs.shape == (2, 32, 4)
    drawn = draw_replayed(replay, jnp.zeros(200, jnp.int32), key=jax.random.key(0))
    assert set(np.asarray(drawn.actions).tolist()) == set(np.asarray(kept[:, 0]).tolist())
    assert prepared("gail", head, balance, demos).state.adversary.replay is None


def test_a_policy_starts_from_a_clone_of_what_counts(balance: Any, head: Any, demos: Any) -> None:
    pushes = replace(demos, actions=np.where(demos.before()[:, 2] > 0, 1, 0).astype(np.int32))
    agreement = []
    for settings in ({}, {"start": "clone", "clone_steps": 1000}):
        policy = prepared("gail", head, balance, pushes, **settings)
        chosen = policy.finish(policy.state).policy
        modes = jax.vmap(lambda obs, chosen=chosen: chosen.mode((), obs)[1])(jnp.asarray(pushes.before()))
        agreement.append(float((modes == pushes.actions).mean()))
    assert agreement[1] > 0.85 > agreement[0]


def test_on_the_host_each_seed_has_an_adversary_of_its_own_with_all_that_can_be_set(
    hosted: Any, head: Any, demos: Any, train: Any
) -> None:
    more = {"gradient_penalty": 1.0, "spectral_norm": True, "label_smoothing": 0.1, "entropy_weight": 0.01}
    spec = gail.GAIL(**SMALL | more | {"num_seeds": 2, "num_steps": 2, "inputs": "state_action_next_state"})
    learnt = train(gail, spec, head, hosted, demos)
    assert all(np.isfinite(curve).all() for curve in learnt.curves.values())
    rows = [of_steps(one.reward, demos) for one in learnt]
    assert np.abs(rows[0] - rows[1]).max() > 0


def test_a_step_without_its_next_state_is_refused_where_that_is_seen(balance: Any, head: Any, demos: Any) -> None:
    torn = replace(demos, follows=np.arange(demos.num_episodes) != 1)
    for kind, settings in (("airl", {}), ("gail", {"inputs": "state_next_state"}), ("gail", {"inputs": "next_state"})):
        with pytest.raises(DataError, match=r"sees next states.*1 of 6 episodes don't hold \(the first is 1\)"):
            prepared(kind, head, balance, torn, **settings)
    prepared("gail", head, balance, torn)


def test_worth_without_end_and_other_settings_that_contradict_are_refused() -> None:
    with pytest.raises(ValidationError, match="discount must be below 1 with absorbing_states"):
        gail.GAIL(discount=1.0)
    assert gail.GAIL(discount=1.0, absorbing_states=False).discount == 1.0
    with pytest.raises(ValidationError, match="divergence custom goes with function"):
        f_divergence.FDivergence(divergence="custom")
    with pytest.raises(ValidationError, match="divergence custom needs value_bound"):
        f_divergence.FDivergence(divergence="custom", function=Path("f.py"), value_bound=None)
    with pytest.raises(ValidationError, match="inputs"):
        airl.AIRL(inputs="next_state")
    assert set(gail.GAIL().idle()) == {"gradient_norm_target", "clone_steps"}
    assert not gail.GAIL(gradient_penalty=1.0, start="clone").idle()
