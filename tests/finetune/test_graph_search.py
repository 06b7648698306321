"""What causes the expert's actions is found, by trying and by asking: a driver's own brake light isn't it."""

from functools import cache
from typing import Any

import jax
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.env import brake_light
from ilkit.errors import DataError
from ilkit.exploration import none
from ilkit.finetune import expert_query, policy_execution
from ilkit.imitate.bc import BC, imitate
from ilkit.network import graph_conditioned, mlp
from ilkit.policy.categorical import Categorical, policy
from ilkit.running.loop import train
from ilkit.stepping.episodes import collect_episodes

KEY, SEEDS = jax.random.key(0), 4
ENV = Build("env", "brake_light", brake_light.env, brake_light.BrakeLight())
EXPLORATION = Build("exploration", "none", none.exploration, none.None_(), optional=("uncertainty",))
MLP = Build("network", "mlp", mlp.network, mlp.MLP(hidden=(16,)))
GRAPHS = Build(
    "network", "graph_conditioned", graph_conditioned.network, graph_conditioned.GraphConditioned(), inner=MLP
)
SEARCH: dict[str, Any] = {"num_envs": 4, "rollout_length": 100, "num_steps": 20}


@cache
def cloned(network: Build[Any]) -> Seeds[Policy]:
    world: Any = ENV()
    demos = collect_episodes(world, world.demonstrator(), num_episodes=50, key=KEY).demonstrations()
    head = Build("policy", "categorical", policy, Categorical(), (network,))
    spec = BC(num_steps=1500, learning_rate=3e-3)
    return train(lambda key: imitate(spec, head, demos, key=key), key=KEY, num_seeds=SEEDS)


def returns(one: Policy) -> float:
    return float(collect_episodes(ENV(), one, num_episodes=32, key=jax.random.key(1)).returns.mean())


def executed(clone: Policy, *, key: Any) -> Any:
    return policy_execution.finetune(policy_execution.PolicyExecution(**SEARCH), EXPLORATION, ENV, clone, key=key)


def queried(clone: Policy, *, key: Any) -> Any:
    world: Any = ENV()
    expert, spec = world.demonstrator(), expert_query.ExpertQuery(**SEARCH)
    return expert_query.finetune(spec, EXPLORATION, ENV, clone, expert, key=key)


@pytest.mark.parametrize("search", [executed, queried])
def test_the_light_is_found_to_be_no_cause_and_the_clone_drives_better_without_it(search: Any) -> None:
    found = train(search, cloned(GRAPHS).stacked, key=KEY, num_seeds=SEEDS)
    masks = np.asarray(found.stacked.network.mask.entries)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(masks[:, 0], 1.0)  # the camera
    without = masks[:, 2] == 0
    assert without.sum() >= SEEDS - 1
    assert returns(cloned(MLP)[0]) < 60
    assert all(returns(one) > 70 for one, blind in zip(found, without, strict=True) if blind)


def test_a_clone_that_was_not_trained_for_all_graphs_is_refused() -> None:
    with pytest.raises(DataError, match="graph_conditioned"):
        executed(cloned(MLP)[0], key=KEY)
