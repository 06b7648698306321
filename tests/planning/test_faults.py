"""Everything that is wrong with a plan is said at once."""

from pathlib import Path
from typing import Any

import pytest

from ilkit import stages
from ilkit.finetune.td3 import TD3
from ilkit.planning.building import building_faults
from ilkit.planning.faults import plan_faults
from ilkit.planning.plan import Plan
from ilkit.policy.diffusion import Diffusion
from ilkit.policy.energy import Energy
from ilkit.policy.gaussian import Gaussian
from ilkit.running.check import notes
from ilkit.wiring.project import ARTIFACTS
from ilkit.wiring.tracing import trace

pytestmark = pytest.mark.bits


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


def test_settings_that_need_an_input_are_refused_without_it() -> None:
    chosen: dict[str, Any] = {
        "dataset": {"artifact": {}},
        "env": {"point_mass": {}},
        "network": {"mlp": {}},
        "policy": {"gaussian": {}},
        "exploration": {"ensemble_covariance": {}},
        "imitate": {"posterior_bc": {}},
        "finetune": {"ppo": {}},
    }
    blocks = {block: {"kind": next(iter(kinds)), **kinds} for block, kinds in chosen.items()}
    found = plan_faults(Plan(trace(tuned), {"seed": 0, "num_threads": 1, **blocks}))
    assert len(found) == 2
    assert found[0].startswith("imitate.posterior_bc.alpha: must be 0 where no uncertainty is handed over, got 1.")
    assert found[1].startswith("exploration.ensemble_covariance.alpha: must have an uncertainty to scale")
    blocks["imitate"] = {"kind": "posterior_bc", "posterior_bc": {"alpha": 0.0, "target_noise": 0.1}}
    blocks["exploration"] = {"kind": "none", "none": {}}
    assert not plan_faults(Plan(trace(tuned), {"seed": 0, "num_threads": 1, **blocks}))


def asking(params: Any) -> Any:
    expert = stages.expert(params.expert, params.other_env)
    demos = stages.rollout(params.rollout, params.other_env, expert)
    asked = stages.interact(params.interact, params.policy, params.env, demos, expert)
    again = stages.imitate(params.imitate, params.policy, stages.dataset(params.dataset))
    return asked.policy, again


def plan_of(env: Any, other_env: Any, interact: Any, path: str = "elsewhere") -> Plan:
    chosen: dict[str, Any] = {
        "dataset": {"artifact": {"path": path}},
        "env": env,
        "other_env": other_env,
        "expert": {"lqr": {}},
        "rollout": {"episodes": {}},
        "network": {"mlp": {}},
        "policy": {"deterministic": {}},
        "imitate": {"bc": {}},
        "interact": interact,
    }
    blocks = {block: {"kind": next(iter(kinds)), **kinds} for block, kinds in chosen.items()}
    return Plan(trace(asking), {"seed": 0, "num_threads": 1, **blocks})


def test_what_the_pipeline_writes_is_no_data_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(ARTIFACTS, "interact", "demos")
    for folder in (path, Path("elsewhere")):
        folder.mkdir(parents=True)
    task = {"point_mass": {}}
    assert not plan_faults(plan_of(task, task, {"dagger": {}}))
    (found,) = plan_faults(plan_of(task, task, {"dagger": {}}, str(path)))
    assert "must be nothing that the pipeline writes" in found
    assert "Hand over what interact makes" in found


@pytest.mark.parametrize(
    ("env", "interact", "said"),
    [
        ({"pendulum": {}}, {"dagger": {}}, "expert: must be of env, whose observations are box"),
        ({"recorded": {}}, {"dagger": {}}, "env.kind: must be one that can be stepped in"),
        ({"point_mass": {}}, {"dagger": {"label_every": 51}}, "label_every: must be at most the steps of a round, 50"),
    ],
)
def test_what_asking_would_refuse_is_found_before(env: Any, interact: Any, said: str) -> None:
    assert any(said in fault for fault in building_faults(plan_of(env, {"point_mass": {}}, interact)))


def tuned_with_demos(params: Any) -> Any:
    expert = stages.expert(params.expert, params.other_env)
    demos = stages.augment(params.augment, params.other_env, stages.rollout(params.rollout, params.other_env, expert))
    cloned = stages.imitate(params.imitate, params.policy, demos)
    return stages.finetune(params.finetune, params.exploration, params.env, cloned, demos=demos)


def tuned_plan(env: Any, other_env: Any, finetune: Any, **changed: Any) -> Plan:
    chosen: dict[str, Any] = {
        "env": env,
        "other_env": other_env,
        "expert": {"swing_up": {}},
        "rollout": {"episodes": {}},
        "augment": {"none": {}},
        "network": {"mlp": {}},
        "policy": {"deterministic": {}},
        "imitate": {"bc": {}},
        "exploration": {"none": {}},
        "finetune": finetune,
        **changed,
    }
    blocks = {block: {"kind": next(iter(kinds)), **kinds} for block, kinds in chosen.items()}
    return Plan(trace(tuned_with_demos), {"seed": 0, "num_threads": 1, **blocks})


def test_a_clone_from_another_environment_is_found_before() -> None:
    found = list(building_faults(tuned_plan({"point_mass": {}}, {"pendulum": {}}, {"ppo": {}})))
    said = "cloned: must be of env, whose observations are box of size 4, got box of size 3 from other_env. Hand over"
    assert any(fault.startswith(said) for fault in found)
    changed = tuned_plan({"pendulum": {"max_torque": 3.0}}, {"pendulum": {}}, {"ppo": {}})
    assert not any(fault.startswith("cloned") for fault in building_faults(changed))


def test_next_states_that_augment_breaks_are_found_where_they_are_learnt_from() -> None:
    task, noise = {"pendulum": {}}, {"state_noise": {}}
    (found,) = plan_faults(tuned_plan(task, task, {"td3": {"demo_batch_size": 8}}, augment=noise))
    assert found.startswith(
        "finetune.td3.demos: must hold what each action led to, which augment.kind state_noise changes. Hand over"
    )
    assert not plan_faults(tuned_plan(task, task, {"td3": {"demo_batch_size": 8}}))
    assert not plan_faults(tuned_plan(task, task, {"td3": {"demo_batch_size": 0}}, augment=noise))


@pytest.mark.parametrize("num_points", [101, 100_000])
def test_what_an_expert_can_not_plan_is_said_once_and_its_cause_alone(num_points: int) -> None:
    task = {"cart_pole": {}}
    plan = tuned_plan(task, task, {"ppo": {}}, expert={"planned": {"num_points": num_points}})
    (found,) = (fault for fault in building_faults(plan) if "planned" in fault)
    assert found.startswith("expert.planned.kind: needs states of at most 3 entries")
    assert found.endswith("got 4. Choose expert.kind trained.")


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"point_mass": {}}, "whose observations are box of size 4, got box of size 3 from other_env"),
        ({"pendulum": {"max_torque": 3.0}}, "whose actions have a bound of -3, got -2 in entry 0 from other_env"),
        ({"pendulum": {"timestep": 0.1}}, "whose time step is 0.1, got 0.05 from other_env"),
        ({"pendulum": {"gravity": 9.0}}, None),
    ],
)
def test_demonstrations_of_another_environment_are_found_before(env: Any, said: str | None) -> None:
    found = [fault for fault in building_faults(tuned_plan(env, {"pendulum": {}}, {"td3": {}})) if "demos" in fault]
    assert len(found) == (said is not None)
    assert said is None or f"demos: must be of env, {said}" in found[0]


def test_a_kind_that_needs_what_the_pipeline_doesnt_give_names_the_argument_to_add() -> None:
    task = {"pendulum": {}}
    found = plan_faults(tuned_plan(task, task, {"expert_query": {}}))
    assert any("needs expert, which the pipeline doesn't hand to finetune. Hand it over" in one for one in found)
    assert any("in the pipeline (expert=...)" in one for one in found)


def test_settings_without_effect_are_said_where_somebody_has_set_them() -> None:
    task = {"point_mass": {}}
    told = list(notes(plan_of(task, task, {"dagger": {"decay": 0.7, "ramp_rounds": 5}})))
    assert told == [
        "interact.dagger.decay: has an effect only where schedule is exponential or constant. It is 0.7, and changes "
        "nothing."
    ]
    assert not list(notes(plan_of(task, task, {"dagger": {"decay": 0.7, "schedule": "exponential"}})))


def test_the_settings_of_what_is_not_chosen_are_known_to_have_no_effect() -> None:
    assert set(Energy(sampler="langevin", proposal="gaussian").idle()) == {
        "num_iterations",
        "initial_noise",
        "noise_decay",
        "margin",
    }
    assert "largest_move" in Energy().idle()
    assert set(Diffusion(sampler="ddpm").idle()) == {"num_steps", "spacing"}
    assert not Gaussian(squash=True).idle()
    assert set(TD3(critic_warmup_steps=0).idle()) == {"warmup_target_rate"}
