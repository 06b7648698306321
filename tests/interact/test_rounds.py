"""Learning in rounds: what is labeled, by whom, and where one remedy is another."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.seeds import Seeds
from ilkit.errors import DataError
from ilkit.interact import dagger, ensemble_dagger, hg_dagger, safe_dagger, thrifty_dagger
from ilkit.interaction.gate import Seen
from ilkit.running import loop
from ilkit.testing.arguments import Options, part
from ilkit.testing.problems import Actions, demonstrations, environment, tracking_expert

FEW = {"num_rounds": 3, "num_envs": 2, "num_gradient_steps": 20, "num_validation_episodes": 2}
STEPS = 2 * 8
"""Of a round."""


def head(kind: str = "deterministic", network: str = "mlp", **settings: Any) -> Build[Any]:
    return part("policy", Options(parts={"policy": {"kind": kind, **settings}, "network": {"kind": network}}))


def learnt(
    module: Any,
    spec: Any,
    policy: Build[Any] | None = None,
    env: Build[Any] | None = None,
    actions: Actions = "continuous",
    chunk_size: int | None = None,
) -> Seeds[Any]:
    demos, world = demonstrations(20, actions), env or environment(actions)
    return loop.train(
        lambda expert, *, key: module.interact(spec, policy or head(), world, demos, expert, key=key),
        jax.tree.map(lambda leaf: leaf[None], tracking_expert(actions)),
        key=jax.random.key(3),
        chunk_size=chunk_size,
    )


def same(one: Any, other: Any) -> bool:
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.asarray(mine).tobytes() == np.asarray(theirs).tobytes() for mine, theirs in pairs)


@pytest.mark.bits
def test_without_a_limit_on_the_variance_ensemble_dagger_is_safe_dagger() -> None:
    gated = FEW | {"num_members": 3, "largest_deviation": 0.2}
    ensemble = learnt(ensemble_dagger, ensemble_dagger.EnsembleDAgger(**gated, largest_variance=1e30))
    safe = learnt(safe_dagger, safe_dagger.SafeDAgger(**gated))
    assert same(ensemble.stacked, safe.stacked)
    assert ensemble.curves["labels"][0, -1] > 0
    limited = learnt(ensemble_dagger, ensemble_dagger.EnsembleDAgger(**gated, largest_variance=1e-4))
    assert limited.curves["labels"][0, -1] > ensemble.curves["labels"][0, -1]


@pytest.mark.bits
def test_without_a_tolerance_safe_dagger_is_cloning() -> None:
    safe = learnt(safe_dagger, safe_dagger.SafeDAgger(**FEW, largest_deviation=0.0))
    cloning = learnt(dagger, dagger.DAgger(**FEW, schedule="constant", decay=1.0))
    assert same(safe.stacked, cloning.stacked)
    rows = safe[0].demos
    assert np.array_equal(rows.executed, rows.transitions.actions)


def test_dagger_labels_what_the_policy_visits() -> None:
    found = learnt(dagger, dagger.DAgger(**FEW, schedule="constant", decay=0.0))
    rows = found[0].demos
    assert found.curves["labels"][0].tolist() == [STEPS, 2 * STEPS, 3 * STEPS]
    count, given = int(rows.transitions.count), int(rows.num_demonstrated)
    assert count == given + 3 * STEPS
    assert not np.asarray(rows.expert_drove)[given:count].any()
    expert = tracking_expert("continuous")
    obs = rows.transitions.before()
    answers = np.asarray(jax.vmap(lambda one: expert.mode((), one)[1])(obs))
    assert np.allclose(rows.transitions.actions[given:count], answers[given:count], atol=1e-6)
    assert not np.allclose(rows.executed[given:count], answers[given:count], atol=1e-3)


def test_every_second_step_is_asked() -> None:
    found = learnt(dagger, dagger.DAgger(**FEW, label_every=2))
    assert found.curves["labels"][0].tolist() == [STEPS / 2, STEPS, 3 * STEPS / 2]


@pytest.mark.parametrize(
    ("schedule", "shares"),
    [
        ("first", [1, 0, 0, 0]),
        ("exponential", [1, 0.7, 0.49, 0.343]),
        ("linear", [1, 0.5, 0, 0]),
        ("constant", [0.7] * 4),
    ],
)
def test_schedules(schedule: Any, shares: list[float]) -> None:
    spec = dagger.DAgger(schedule=schedule, decay=0.7, ramp_rounds=2)
    assert np.allclose([dagger._share(spec, jnp.asarray(number)) for number in range(4)], shares)


def test_a_person_reacts_late_and_gives_back_when_near() -> None:
    person = hg_dagger._Person(0.5, 0.2, 2)
    state, acted = person.initial_state(), []
    for apart in (0.6, 0.6, 0.1, 0.6, 0.6, 0.6, 0.3, 0.1, 0.6):
        seen = Seen(jnp.zeros(2), jnp.zeros(2), jnp.asarray(apart), jnp.zeros(()))
        state, acts = person(state, seen)
        acted.append(bool(acts))
    assert acted == [False, False, False, False, False, True, True, False, False]


def test_a_person_asks_for_less_than_all() -> None:
    found = learnt(hg_dagger, hg_dagger.HGDAgger(**FEW, takeover=0.1, release=0.05, num_members=2))
    labels = found.curves["labels"][0]
    assert 0 < labels[-1] < 3 * STEPS
    assert found.curves["doubt_threshold"][0, -1] > 0.0


def test_a_shaky_hand_shows_in_the_labels_and_a_steady_one_is_none() -> None:
    steady, shaky = (
        learnt(dagger, dagger.DAgger(**FEW, label_noise=noise, schedule="constant", decay=1.0)) for noise in (0.0, 0.5)
    )
    given, count = int(steady[0].demos.num_demonstrated), int(steady[0].demos.transitions.count)
    apart = np.asarray(steady[0].demos.transitions.actions - shaky[0].demos.transitions.actions)[given:count]
    assert abs(apart[:, 0].std() - 0.5) < 0.15


def test_a_budget_is_kept() -> None:
    spec = thrifty_dagger.ThriftyDAgger(**FEW, num_members=2, target_rate=0.3, budget=9)
    assert learnt(thrifty_dagger, spec).curves["labels"][0].max() <= 9
    with pytest.raises(ValueError, match="greater than 0"):
        thrifty_dagger.ThriftyDAgger(budget=0)


def test_help_is_called_about_as_often_as_intended() -> None:
    spec = thrifty_dagger.ThriftyDAgger(
        num_rounds=4, num_envs=16, num_gradient_steps=300, num_validation_episodes=1, num_members=3, target_rate=0.1
    )
    found = learnt(thrifty_dagger, spec)
    rate = found.curves["interventions"][0, 1:] / (16 * 8)
    assert 0.05 <= rate.mean() <= 0.15


def test_a_classifier_learns_where_the_policy_is_unsafe() -> None:
    settings = FEW | {"num_gradient_steps": 300, "num_envs": 16}
    spec = safe_dagger.SafeDAgger(**settings, gate="classifier", largest_deviation=0.05)
    found = learnt(safe_dagger, spec)
    assert found.curves["labels"][0, -1] < 3 * 16 * 8


def test_the_best_round_is_kept() -> None:
    spec = dagger.DAgger(**FEW, keep="best")
    best, last = (learnt(dagger, spec.model_copy(update={"keep": keep})) for keep in ("best", "last"))
    returns = best.curves["return"][0]
    assert same(best[0].policy, last[0].policy) == (returns.argmax() == len(returns) - 1)
    with pytest.raises(ValueError, match="num_validation_episodes"):
        dagger.DAgger(keep="best", num_validation_episodes=0)


def test_discrete_actions_are_labeled_too() -> None:
    found = learnt(dagger, dagger.DAgger(**FEW), head("categorical"), actions="discrete")
    assert found[0].demos.transitions.actions.dtype == np.int32
    with pytest.raises(DataError, match="num_members"):
        learnt(ensemble_dagger, ensemble_dagger.EnsembleDAgger(**FEW), head("categorical"), actions="discrete")


def test_a_policy_that_remembers_learns_where_all_is_labeled_and_is_refused_elsewhere() -> None:
    recurrent = head(network="gru")
    assert learnt(dagger, dagger.DAgger(**FEW), recurrent).curves["labels"][0, -1] == 3 * STEPS
    for module, spec in ((dagger, dagger.DAgger(**FEW, label_every=2)), (safe_dagger, safe_dagger.SafeDAgger(**FEW))):
        with pytest.raises(DataError, match="step by step"):
            learnt(module, spec, recurrent)
