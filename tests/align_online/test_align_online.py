"""Alignment that asks: what it asks about, what it wastes, and that it learns."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from ilkit.align_online import dpo, ipo
from ilkit.data.build import Build
from ilkit.data.preferences import Clips
from ilkit.data.seeds import Seeds
from ilkit.env import bandit, gymnasium
from ilkit.errors import DataError
from ilkit.labeler import simulated
from ilkit.preferring.tries import equal_actions, furthest_apart
from ilkit.running import loop

SETTINGS = bandit.Bandit(num_arms=3, context_size=2)
WORLD = Build("env", "bandit", bandit.env, SETTINGS)
LABELER = Build("labeler", "simulated", simulated.labeler, simulated.Simulated())
CONTEXTS = jax.random.normal(jax.random.key(1), (256, 2))


def asking(module: Any, spec: Any, env: Build[Any] = WORLD) -> Seeds[Any]:
    reference = bandit.env(SETTINGS).demonstrator()
    return loop.train(lambda key: module.align_online(spec, LABELER, env, reference, key=key), key=jax.random.key(0))


def chosen_well(policy: Any) -> float:
    best = jnp.argmax(WORLD().arm_rewards(CONTEXTS), axis=1)
    return float(jnp.mean(jax.vmap(lambda obs: policy.mode((), obs)[1])(CONTEXTS) == best))


QUICK = {"num_steps": 20, "queries_per_step": 8, "updates_per_query": 4, "learning_rate": 0.02}


@pytest.mark.parametrize(
    ("module", "spec"),
    [
        (dpo, dpo.DPO(beta=0.2, **QUICK)),
        (dpo, dpo.DPO(beta=0.2, pairing="best_worst", num_tries=4, **QUICK)),
        (ipo, ipo.IPO(beta=0.2, **QUICK)),
    ],
    ids=["dpo", "best_worst", "ipo"],
)
def test_it_learns_from_what_it_asks(module: Any, spec: Any) -> None:
    learnt = asking(module, spec)
    assert chosen_well(learnt[0]) >= 0.8
    assert 0 < learnt.curves["answers"][0, -1] <= 160
    assert learnt.curves["return"][0, -5:].mean() > learnt.curves["return"][0, :5].mean()


def test_a_policy_that_meets_itself_wastes_its_questions() -> None:
    own, both = (asking(dpo, dpo.DPO(beta=0.1, pairing=pairing, **QUICK)) for pairing in ("policy", "policy_reference"))
    assert own.curves["wasted"][0, -5:].mean() > 0.6
    assert both.curves["wasted"][0, -5:].mean() < 0.5
    told = own.curves["answers"][0, -1] + 8 * own.curves["wasted"].sum()
    assert told == pytest.approx(160)  # what was not wasted was answered


def clips(actions: list[list[float]], lengths: list[int]) -> Clips:
    column = jnp.asarray(actions)
    mask = jnp.arange(column.shape[1]) < jnp.asarray(lengths)[:, None]
    return Clips(column[..., None], column[..., None], column[..., None], column, jnp.zeros(mask.shape, bool), mask)


def test_equal_actions_are_those_of_all_steps_that_there_are() -> None:
    first = clips([[1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]], [3, 3, 2, 2])
    second = clips([[1, 2, 3], [1, 2, 4], [1, 2, 4], [1, 2, 3]], [3, 3, 2, 3])
    assert equal_actions(first, second).tolist() == [True, False, True, False]


def test_the_best_and_the_worst_of_the_others_are_compared() -> None:
    tries = jax.tree.map(lambda *rows: jnp.stack(rows), *(clips([[one], [one]], [1, 1]) for one in (0.0, 1.0, 2.0)))
    best, worst = furthest_apart(tries, jnp.asarray([[0.0, 0.5], [0.0, 2.0], [0.0, -1.0]]))
    assert best.actions[:, 0, 0].tolist() == [0.0, 1.0]
    assert worst.actions[:, 0, 0].tolist() == [1.0, 2.0]


def test_what_can_not_be_tried_is_refused() -> None:
    with pytest.raises(ValueError, match="num_tries must be 2 unless pairing is best_worst, got 3"):
        dpo.DPO(num_tries=3)
    with pytest.raises(ValueError, match="num_tries must be at least 2"):
        dpo.DPO(num_tries=1, pairing="best_worst")
    hosted = Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id="CartPole-v1"))
    with pytest.raises(DataError, match=r"align_online\.dpo\.kind: must try in an environment of pure JAX"):
        asking(dpo, dpo.DPO(), hosted)
