"""Every kind of alignment learns what is preferred, from the reference, and says how."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.align import cpl, dpo, hinge, ipo
from ilkit.data.build import Build
from ilkit.data.preferences import Preferences
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.network.mlp import MLP, network
from ilkit.policy import deterministic
from tests.align.comparisons import CONTEXTS, aligned, arm_log_probs, bandit, choices, comparisons

pytestmark = pytest.mark.bits

AT = jnp.asarray(CONTEXTS)
QUICK = {"learning_rate": 0.03, "batch_size": 96, "num_steps": 400}
KINDS = {
    "cpl": (cpl, cpl.CPL(temperature=1.0, bias=1.0, **QUICK)),
    "dpo": (dpo, dpo.DPO(beta=0.5, **QUICK)),
    "hinge": (hinge, hinge.Hinge(beta=0.5, **QUICK)),
    "ipo": (ipo, ipo.IPO(beta=0.5, **QUICK)),
}


def test_dpo_finds_the_aligned_optimum() -> None:
    world = bandit(demonstrated_rationality=-0.5)
    reference = world.demonstrator()
    learnt = aligned(dpo, dpo.DPO(beta=0.5, **QUICK), reference, comparisons(world))[0]
    exact = jax.nn.log_softmax(arm_log_probs(reference, AT) + world.arm_rewards(AT) / 0.5)
    np.testing.assert_allclose(jnp.exp(arm_log_probs(learnt, AT)), jnp.exp(exact), atol=0.02)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_prefers_what_was_preferred(kind: str) -> None:
    module, spec = KINDS[kind]
    world = bandit()
    learnt = aligned(module, spec, world.demonstrator(), comparisons(world, hard=True))
    best = np.argmax(world.arm_rewards(AT), axis=1)
    assert np.mean(np.argmax(arm_log_probs(learnt[0], AT), axis=1) == best) >= 0.9
    curves = {name: column[0] for name, column in learnt.curves.items() if name != "step"}
    assert set(curves) == {"accuracy", "chosen_reward", "loss", "margin", "rejected_reward"}
    assert curves["accuracy"][-1] > 0.9
    np.testing.assert_allclose(
        curves["margin"], curves["chosen_reward"] - curves["rejected_reward"], rtol=1e-4, atol=1e-4
    )
    assert curves["chosen_reward"][-1] > curves["rejected_reward"][-1]


def test_an_anchor_of_0_is_none_bit_for_bit_and_another_keeps_what_was_chosen_likely() -> None:
    world = bandit()
    few = {**QUICK, "num_steps": 30}
    plain, zero, anchored = (
        aligned(dpo, dpo.DPO(beta=0.5, anchor=anchor, **few), world.demonstrator(), comparisons(world, hard=True))
        for anchor in (None, 0.0, 1.0)
    )
    for one, other in zip(jax.tree.leaves(plain.stacked), jax.tree.leaves(zero.stacked), strict=True):
        assert np.array_equal(one, other)
    assert anchored.curves["chosen_reward"][0, -1] > plain.curves["chosen_reward"][0, -1]


def test_log_ratios_are_averaged_over_the_steps_where_asked() -> None:
    world = bandit()
    objective = ipo.ipo_objective(ipo.IPO(average=True))
    mask = jnp.asarray([[True, True, True, False], [True, False, False, False]])
    np.testing.assert_allclose(objective.weights(mask), [[1 / 3, 1 / 3, 1 / 3, 0], [1, 0, 0, 0]])
    assert world.max_steps == 1


def from_other_starts(share: float) -> Preferences:
    world = bandit()
    asked = comparisons(world, hard=True)
    moved = np.arange(asked.num_pairs) < share * asked.num_pairs
    contexts = asked.second.before(asked.second.starts) + moved[:, None].astype(np.float32)
    return Preferences(asked.first, choices(world, contexts, asked.second.actions), asked.probability)


@pytest.mark.parametrize("kind", ["dpo", "hinge", "ipo"])
def test_most_pairs_must_start_alike(kind: str) -> None:
    module, spec = KINDS[kind]
    spec, reference = spec.model_copy(update={"num_steps": 2}), bandit().demonstrator()
    with pytest.warns(UserWarning, match="25% of the pairs are of clips from different starts"):
        aligned(module, spec, reference, from_other_starts(0.25))
    with pytest.raises(DataError, match=rf"75% .* set align\.{kind}\.allow_different_starts"):
        aligned(module, spec, reference, from_other_starts(0.75))
    allowed = spec.model_copy(update={"allow_different_starts": True})
    with pytest.warns(UserWarning, match="75%"):
        aligned(module, allowed, reference, from_other_starts(0.75))


def test_cpl_compares_clips_from_different_starts() -> None:
    module, spec = KINDS["cpl"]
    aligned(module, spec.model_copy(update={"num_steps": 2}), bandit().demonstrator(), from_other_starts(0.75))


def test_margins_out_of_reach_are_said() -> None:
    world = bandit()
    asked = comparisons(world)
    with pytest.warns(UserWarning, match=r"align\.dpo\.beta is in the units of a clip's return.* Raise β"):
        aligned(dpo, dpo.DPO(beta=0.01, num_steps=2), world.demonstrator(), asked)


def test_bad_input_is_refused() -> None:
    world = bandit()
    asked = comparisons(world)
    spec = dpo.DPO(num_steps=2, beta=1.0)
    alike = Preferences(asked.first, asked.second, np.full(asked.num_pairs, 1.0, np.float32))
    with pytest.raises(DataError, match="got a probability of 1 for all 96"):
        aligned(dpo, spec, world.demonstrator(), alike)
    other = eqx.tree_at(lambda one: one.probability, asked, asked.probability)
    elsewhere = bandit().demonstrator()
    wide = Spaces(observation=Box.symmetric((1.0,) * 3), action=world.spaces.action)
    with pytest.raises(DataError, match="observations must be those"):
        aligned(dpo, spec, _respaced(elsewhere, wide), other)
    torque = Spaces(observation=world.spaces.observation, action=Box.symmetric((1.0,)))
    implicit = deterministic.policy(
        deterministic.Deterministic(), Build("network", "mlp", network, MLP(hidden=())), torque, key=jax.random.key(0)
    )
    assert "must give actions a density" in spec.policy_faults(implicit, {})[0]


def _respaced(policy: Any, spaces: Spaces) -> Any:
    return type(policy)(network=policy.network, normalizer=policy.normalizer, spaces=spaces)
