"""What a stage would refuse of a reward that it is handed is found before anything runs."""

from typing import Any

import pytest

from ilkit import stages
from ilkit.errors import WiringError
from ilkit.planning.building import building_faults
from ilkit.planning.faults import plan_faults
from ilkit.planning.plan import Plan
from ilkit.wiring.tracing import trace

pytestmark = pytest.mark.bits


def relearnt(params: Any) -> Any:
    demos = stages.dataset(params.dataset)
    cloned = stages.imitate(params.imitate, params.policy, demos)
    learnt = stages.match(params.match, params.policy, params.env, demos)
    return stages.finetune(params.finetune, params.exploration, params.changed, cloned, reward=learnt.reward)


def plan_of(**changes: Any) -> Plan:
    chosen: dict[str, Any] = {
        "dataset": {"artifact": {}},
        "env": {"cart_pole": {}},
        "changed": {"cart_pole": {"pole_mass": 0.2}},
        "network": {"mlp": {}},
        "policy": {"categorical": {}},
        "exploration": {"own_density": {}},
        "imitate": {"bc": {}},
        "match": {"sqil": {}},
        "finetune": {"ppo": {}},
        **changes,
    }
    blocks = {block: {"kind": next(iter(kinds)), **kinds} for block, kinds in chosen.items()}
    return Plan(trace(relearnt), {"seed": 0, "num_threads": 1, **blocks})


def faults(**changes: Any) -> list[str]:
    plan = plan_of(**changes)
    return plan_faults(plan) or list(building_faults(plan))


def test_a_changed_world_with_the_same_spaces_takes_the_reward() -> None:
    assert not faults()


def test_a_reward_of_other_observations_is_found() -> None:
    found = faults(changed={"mountain_car": {}})
    assert any(
        fault.startswith("reward: must be learnt where the same is observed, and changed obs") for fault in found
    )


@pytest.mark.parametrize("kind", ["bootstrapped_dqn", "none"])
def test_a_kind_that_takes_no_reward_is_found(kind: str) -> None:
    (found,) = faults(finetune={kind: {}})
    assert found.startswith(f"finetune.kind: {kind} takes no reward, which the pipeline hands to finetune.")
    assert "choose a kind that takes it: ppo, sac, td3" in found


def test_discount_1_with_absorbing_states_is_found() -> None:
    (found,) = faults(finetune={"ppo": {"discount": 1.0}})
    assert found.startswith("finetune.ppo.discount: must be below 1 where the reward was learnt with absorbing states")
    assert found.endswith("set match.sqil.absorbing_states to false.")
    assert not faults(finetune={"ppo": {"discount": 1.0}}, match={"sqil": {"absorbing_states": False}})


def test_demonstrations_among_steps_that_earn_a_learnt_reward_are_found() -> None:
    found = plan_faults(plan_of(finetune={"td3": {"demo_batch_size": 8}}))
    assert found[0].startswith("finetune.td3.demo_batch_size: must be 0 where a learnt reward is maximized, got 8")


@pytest.mark.parametrize(
    ("form", "env", "other"),
    [
        ("soft_q", "point_mass", "soft_actor_critic"),
        ("soft_actor_critic", "cart_pole", "soft_q"),
    ],
)
def test_the_other_forms_actions_are_found(form: str, env: str, other: str) -> None:
    found = faults(env={env: {}}, changed={env: {}}, match={"sqil": {"form": form}}, policy={"gaussian": {}})
    (said,) = (fault for fault in found if fault.startswith("match."))
    assert said.startswith(f"match.sqil.form: {form} needs")
    assert f"Set form to {other}" in said


@pytest.mark.parametrize(
    ("match", "remedy"),
    [
        ({"gail": {}}, "set match.gail.inputs to state"),
        ({"sqil": {}}, "set match.kind to airl"),
        ({"gail": {"inputs": "state"}}, None),
    ],
)
def test_a_reward_of_other_actions_is_found_with_the_setting_that_mends_it(match: Any, remedy: str | None) -> None:
    changed = {"mountain_car_continuous": {}}
    found = [one for one in faults(env={"mountain_car": {}}, changed=changed, match=match) if "depends on" in one]
    assert len(found) == (remedy is not None)
    assert remedy is None or found[0].endswith(f"Learn one of states alone: {remedy}.")


def misspelt(params: Any) -> Any:
    demos = stages.dataset(params.dataset)
    return stages.match(params.match, params.policy, params.env, demos).rewards


def test_a_field_that_is_not_there_suggests_the_nearest() -> None:
    with pytest.raises(WiringError, match="reward"):
        trace(misspelt)
