"""Everything that is wrong with a plan is said at once."""

from typing import Any

from ilkit import stages
from ilkit.running.faults import plan_faults
from ilkit.running.plan import Plan
from ilkit.wiring.tracing import trace


def tuned(params: Any) -> Any:
    demos = stages.dataset(params.dataset)
    cloned = stages.imitate(params.imitate, params.policy, demos)
    return stages.finetune(params.finetune, params.exploration, params.env, cloned)


def test_seeds_that_differ_are_said_with_the_rules_that_a_spec_breaks() -> None:
    chosen: dict[str, Any] = {
        "dataset": {"artifact": {}},
        "env": {"point_mass": {}},
        "network": {"mlp": {}},
        "policy": {"gaussian": {}},
        "exploration": {"none": {}},
        "imitate": {"bc": {"num_seeds": 2}},
        "finetune": {"ppo": {"num_seeds": 3, "critic_warmup_steps": 200, "num_minibatches": 7}},
    }
    blocks = {block: {"kind": next(iter(kinds)), **kinds} for block, kinds in chosen.items()}
    found = plan_faults(Plan(trace(tuned), {"seed": 0, "num_threads": 1, **blocks}))
    assert len(found) == 3
    assert "must be a multiple of num_minibatches" in found[0]
    assert "critic_warmup_steps must be below num_steps" in found[1]
    assert found[2].startswith("finetune.ppo.num_seeds: must be that of cloned (2), got 3.")
