"""Numbers of training seeds that don't fit together are found before anything runs."""

from typing import Any

import pytest

from ilkit import stages
from ilkit.data.seeds import Seeds
from ilkit.errors import DataError
from ilkit.planning.faults import plan_faults
from ilkit.planning.plan import Plan
from ilkit.running.run import execute
from ilkit.wiring.tracing import trace


def asking(params: Any) -> Any:
    demos = stages.rollout(params.rollout, params.env, stages.expert(params.expert, params.env))
    cloned = stages.imitate(params.imitate, params.policy, demos)
    asked = stages.prefer(params.prefer, params.labeler, demos)
    reward = stages.reward(params.reward, params.network, asked)
    more = stages.prefer(params.ask, params.labeler, demos, reward, asked)
    gathered = stages.interact(params.interact, params.policy, params.env)
    answers = stages.dataset(params.answers, asked=gathered.demos)
    return stages.align(params.align, cloned, more), stages.align(params.align, cloned, asked, name="first"), answers


def plan_of(**changes: Any) -> Plan:
    chosen: dict[str, Any] = {
        "env": {"point_room": {}},
        "expert": {"scripted": {}},
        "rollout": {"graded": {"action_noise": [0.1]}},
        "network": {"mlp": {}},
        "policy": {"categorical": {}},
        "imitate": {"bc": {}},
        "labeler": {"simulated": {}},
        "prefer": {"clips": {}},
        "ask": {"clips": {}},
        "reward": {"bradley_terry": {}},
        "align": {"ipo": {}},
        "interact": {"gcsl": {"num_seeds": 2}},
        "answers": {"answers": {"training_seed": 1}},
        **changes,
    }
    blocks = {block: {"kind": next(iter(kinds)), **kinds} for block, kinds in chosen.items()}
    return Plan(trace(asking), {"seed": 0, "num_threads": 1, **blocks})


def test_single_seeds_are_shared_and_equal_numbers_continue_each_other() -> None:
    assert not plan_faults(plan_of())
    assert not plan_faults(plan_of(imitate={"bc": {"num_seeds": 3}}, align={"ipo": {"num_seeds": 3}}))


def test_an_input_of_several_seeds_is_found_where_one_is_taken() -> None:
    (found,) = plan_faults(plan_of(reward={"bradley_terry": {"num_seeds": 3}}))
    assert found.startswith("ask.clips.reward: must have one training seed, and reward has 3. Set ")
    assert "Set reward.bradley_terry.num_seeds to 1 or, where others need them all, learn it once more" in found


def test_a_kind_whose_settings_are_left_out_is_told_the_seeds_that_it_continues_once_for_both_stages() -> None:
    (found,) = plan_faults(plan_of(imitate={"bc": {"num_seeds": 3}}))
    assert found.startswith("align.ipo.num_seeds: must be that of reference (3), got 1.")
    assert found.endswith("Set it to 3, or imitate.bc.num_seeds to 1.")


def test_the_number_of_a_seed_that_is_not_there_is_found() -> None:
    (found,) = plan_faults(plan_of(interact={"gcsl": {"num_seeds": 1}}))
    assert found == "answers.answers.training_seed: must be below the 1 training seed of asked, counted from 0, got 1."


def test_a_block_that_is_missing_is_said_once_and_no_seeds_are_counted() -> None:
    plan = plan_of()
    left = {name: block for name, block in plan.raw.items() if name not in ("answers", "reward")}
    found = plan_faults(Plan(plan.graph, left))
    assert [fault.partition(":")[0] for fault in found] == ["reward", "answers"]


def test_a_reward_of_one_opinion_selects_nothing() -> None:
    ask = {"clips": {"selection": "disagreement"}}
    (found,) = plan_faults(plan_of(ask=ask, reward={"bradley_terry": {"num_members": 1}}))
    assert found.startswith(
        "ask.clips.selection: needs a reward with several members where it is disagreement, got one"
    )
    assert not plan_faults(plan_of(ask=ask))


def test_a_run_refuses_several_seeds_in_the_same_words() -> None:
    plan = plan_of()
    inputs = {"reward": Seeds(None, {}, 2)}
    with pytest.raises(DataError, match=r"ask\.clips\.reward: must have one training seed, and reward has 2"):
        execute(plan.call("ask"), inputs, lambda *_: Seeds(None, {}, 2))
