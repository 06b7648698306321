"""What matching would refuse is found by `ilkit check`, before anything runs."""

from typing import Any

import pytest

from ilkit import stages
from ilkit.planning.building import building_faults
from ilkit.planning.faults import plan_faults
from ilkit.planning.plan import Plan
from ilkit.wiring.tracing import trace


def matched(params: Any) -> Any:
    expert = stages.expert(params.expert, params.other_env)
    demos = stages.rollout(params.rollout, params.other_env, expert)
    demos = stages.augment(params.augment, params.other_env, demos)
    return stages.match(params.match, params.policy, params.env, demos).policy


def plan_of(match: Any, **changed: Any) -> Plan:
    chosen: dict[str, Any] = {
        "env": {"pendulum": {}},
        "other_env": {"pendulum": {}},
        "expert": {"swing_up": {}},
        "rollout": {"episodes": {}},
        "augment": {"none": {}},
        "network": {"mlp": {}},
        "policy": {"gaussian": {}},
        "match": match,
    }
    blocks = {block: {"kind": next(iter(kinds)), **kinds} for block, kinds in (chosen | changed).items()}
    return Plan(trace(matched), {"seed": 0, "num_threads": 1, **blocks})


@pytest.mark.parametrize("kind", ["gail", "airl", "f_divergence", "constant"])
def test_policies_and_demonstrations_that_do_not_go_with_it_are_found(kind: str) -> None:
    def faults(**changed: Any) -> list[str]:
        return list(building_faults(plan_of({kind: {}}, **changed)))

    assert not faults()
    (found,) = faults(policy={"deterministic": {}})
    assert f"match.{kind}.policy: must have a density, and that of DeterministicPolicy is implicit" in found
    (found,) = faults(network={"lstm": {}})
    assert f"match.{kind}.policy: must have no memory" in found
    (found,) = faults(env={"point_mass": {}})
    assert "demos: must be of env, whose observations are box of size 4, got box of size 3 from other_env" in found
    assert any("env.kind: must be one that can be stepped in" in one for one in faults(env={"recorded": {}}))


def test_settings_that_contradict_are_found() -> None:
    (found,) = plan_faults(plan_of({"gail": {"discount": 1.0}}))
    assert "discount must be below 1 with absorbing_states" in found
    (found,) = plan_faults(plan_of({"f_divergence": {"divergence": "custom"}}))
    assert "divergence custom goes with function" in found


@pytest.mark.parametrize(
    ("match", "reads"),
    [
        ({"gail": {}}, False),
        ({"gail": {"inputs": "state_next_state"}}, True),
        ({"airl": {}}, True),
        ({"sqil": {}}, True),
    ],
)
def test_next_states_that_augment_breaks_are_found_where_they_are_read(match: Any, reads: bool) -> None:
    found = plan_faults(plan_of(match, augment={"state_noise": {}}))
    assert len(found) == reads
    assert not reads or "demos: must hold what each action led to, which augment.kind state_noise changes" in found[0]
    assert not plan_faults(plan_of(match))
