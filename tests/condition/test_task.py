"""The policy of one task acts as the one of many that is told this task, to the last bit, and is kept whole."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit import pipeline, stages
from ilkit.artifact.store import load, save
from ilkit.condition.task import Task, condition
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds, Snapshots
from ilkit.errors import DataError
from ilkit.join import one_hot, settings
from ilkit.planning.building import building_faults
from ilkit.planning.faults import plan_faults
from ilkit.planning.plan import Plan
from ilkit.running.run import execute, run_in_memory
from ilkit.testing.arguments import Options, part
from ilkit.testing.problems import demonstrations, tracking_expert
from ilkit.wiring.tracing import trace

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
GIVEN = {"light": demonstrations(3, "continuous"), "heavy": demonstrations(5, "continuous")}
MASSES = settings.Settings(tasks={"light": {"mass": 0.5}, "heavy": {"mass": 2.0}})
TOLD = {
    "one_hot": (one_hot.join(one_hot.OneHot(), **GIVEN, key=KEY), np.array(1, np.int32)),
    "settings": (settings.join(MASSES, **GIVEN, key=KEY), np.array([2.0], np.float32)),
}


def stacked(spaces: Any, count: int = 2) -> Policy:
    """Policies of so many seeds, drawn."""
    head = part("policy", Options())
    made: Policy = eqx.filter_vmap(lambda key: head(spaces, key=key))(jax.random.split(KEY, count))
    return made


@pytest.mark.parametrize("kind", TOLD)
def test_every_seed_acts_as_it_does_when_it_is_told_its_task(kind: str, tmp_path: Path) -> None:
    demos, task = TOLD[kind]
    learnt = stacked(demos.spaces)
    twice = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]) if eqx.is_array(leaf) else leaf, learnt)
    kept = Snapshots(twice, np.array([0, 5]), np.array([0, 0]))
    curves = {"step": np.array([1]), "loss": np.ones((2, 1), np.float32)}
    heavy = condition(Task(recording="heavy"), Seeds(learnt, curves, 2, kept))
    save(heavy, tmp_path / "heavy")
    loaded = load(tmp_path / "heavy")
    assert heavy.curves == curves
    assert heavy.stacked.spaces == GIVEN["heavy"].spaces
    rows = GIVEN["heavy"].obs[:4]
    for seed in range(2):
        given = jax.tree.map(lambda leaf, seed=seed: leaf[seed] if eqx.is_array(leaf) else leaf, learnt)
        expected = acted(given, {"observation": rows, "task": np.stack([task] * len(rows))})
        for one in (heavy[seed], loaded[seed], list(heavy.snapshots)[1][seed]):
            np.testing.assert_array_equal(acted(one, rows), expected)


@eqx.filter_jit
def acted(policy: Policy, rows: Any) -> jax.Array:
    """Modes, draws and densities."""

    def act(obs: Any) -> jax.Array:
        (_, drawn), carry = policy.sample((), obs, key=KEY), policy.initial_carry()
        return jnp.concatenate([policy.mode(carry, obs)[1], drawn, policy.log_prob(carry, obs, drawn)[1][None]])

    return jax.vmap(act)(rows)


def test_tasks_differ() -> None:
    demos, _ = TOLD["one_hot"]
    seeds, rows = Seeds(stacked(demos.spaces), {}, 2), GIVEN["heavy"].obs[:4]
    light, heavy = (condition(Task(recording=name), seeds)[0] for name in ("light", "heavy"))
    assert (acted(light, rows) != acted(heavy, rows)).any()


def test_a_task_that_was_never_trained_is_refused() -> None:
    seeds = Seeds(stacked(TOLD["settings"][0].spaces), {}, 2)
    with pytest.raises(DataError, match=r"trained on, got 'heavi'\. Did you mean 'heavy'\?"):
        condition(Task(recording="heavi"), seeds)
    with pytest.raises(DataError, match=r"trained on, got 'medium'\. Choose from: heavy, light\."):
        condition(Task(recording="medium"), seeds)


def test_a_policy_of_one_task_is_refused() -> None:
    one = jax.tree.map(lambda leaf: leaf[None], tracking_expert("continuous"))
    with pytest.raises(DataError, match=r"tells none apart\. Put their recordings together by join\.kind one_hot"):
        condition(Task(recording="light"), Seeds(one, {}, 1))


@pipeline
def two_masses(params):
    """One policy for two masses, and what it is in the world of each."""
    recorded = {}
    for name in ("light", "heavy"):
        expert = stages.expert(params.expert, getattr(params, name), name=f"{name}_expert")
        recorded[name] = stages.rollout(params.rollout, getattr(params, name), expert, name=f"{name}_demos")
    both = stages.join(params.join, **recorded)
    learnt = stages.imitate(params.imitate, params.policy, both)
    heavy = stages.condition(params.condition, learnt)
    return stages.evaluate(params.evaluate, params.heavy, recorded["heavy"], heavy=heavy)


@pipeline
def untold(params):
    """One policy for two masses, which nobody tells the mass."""
    light = stages.rollout(params.rollout, params.light, stages.expert(params.expert, params.light), name="light_demos")
    heavy = stages.rollout(
        params.rollout, params.heavy, stages.expert(params.expert, params.heavy, name="heavy_expert")
    )
    learnt = stages.imitate(params.imitate, params.policy, stages.join(params.join, light=light, heavy=heavy))
    return stages.evaluate(params.evaluate, params.heavy, heavy, learnt=learnt)


def plan_of(pipeline: Any = two_masses, **changes: Any) -> Plan:
    chosen: dict[str, Any] = {
        "light": {"point_mass": {"mass": 1.0, "max_steps": 4}},
        "heavy": {"point_mass": {"mass": 2.0, "max_steps": 4, "max_force": 8.0}},
        "expert": {"lqr": {}},
        "rollout": {"episodes": {"num_episodes": 3}},
        "join": {"settings": {"tasks": {"light": {"mass": 1.0}, "heavy": {"mass": 2.0}}}},
        "network": {"mlp": {"hidden": [4]}},
        "policy": {"deterministic": {}},
        "imitate": {"bc": {"num_steps": 2, "num_seeds": 2, "batch_size": 4}},
        "condition": {"task": {"recording": "heavy"}},
        "evaluate": {"returns": {"num_episodes": 4, "num_resamples": 10}},
    } | changes
    graph = trace(pipeline.function)
    blocks = {block: {"kind": next(iter(kinds)), **kinds} for block, kinds in chosen.items() if block in graph.groups()}
    return Plan(graph, {"seed": 0, "num_threads": 1, **blocks})


def test_the_env_of_one_task_takes_it_with_all_its_seeds() -> None:
    made = run_in_memory(plan_of())
    assert len(made["condition"]) == 2
    assert made["condition"].curves == made["imitate"].curves
    assert "heavy" in made["evaluate"].metrics


def test_a_stage_that_keeps_seeds_must_make_seeds() -> None:
    def first(spec: Task, policy: Seeds[Policy]) -> Seeds[Policy]:
        return policy[0]

    call = plan_of().call("condition")
    call = replace(call, component=replace(call.component, function=first))
    one = jax.tree.map(lambda leaf: leaf[None], tracking_expert("continuous"))
    with pytest.raises(DataError, match=r"condition: condition\.task must make Seeds, as it declares, got Tracking"):
        execute(call, {"policy": Seeds(one, {}, 1)}, lambda *_: Seeds(one, {}, 1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        (
            {"join": {"settings": {"tasks": {"light": {"mass": 1.0}, "heavier": {"mass": 2.0}}}}},
            "join.settings.tasks: must be one for each recording, heavy, light, got heavier, light.",
        ),
        (
            {"join": {"settings": {"tasks": {"light": {"mass": 1.0}, "heavy": {"mass": 3}}}}},
            "join.settings.tasks: mass of heavy must be what it was recorded with, 2 (heavy.point_mass.mass), got 3.",
        ),
        (
            {"join": {"settings": {"tasks": {"light": {"mas": 1.0}, "heavy": {"mas": 2.0}}}}},
            "join.settings.tasks: must be settings of the environments, got 'mas', which none has. "
            "Did you mean 'mass'?",
        ),
        (
            {
                "heavy": {"pendulum": {"mass": 2.0}},  # what tells kinds apart may have any name
                "expert": {"wander": {}},
                "rollout": {"episodes": {"num_episodes": 3, "stochastic": True}},
                "join": {"settings": {"tasks": {"light": {"swings": 0.0}, "heavy": {"swings": 1.0}}}},
            },
            None,
        ),
        (
            {"condition": {"task": {"recording": "heavi"}}},
            "condition.task.recording: must be one that the policy is trained on, got 'heavi'. Did you mean 'heavy'?",
        ),
    ],
)
def test_what_would_be_refused_or_mistaken_is_found_before_anything_runs(changes: Any, said: str | None) -> None:
    assert plan_faults(plan_of(**changes)) == ([] if said is None else [said])


def test_a_policy_that_nobody_tells_its_task_is_found() -> None:
    (found,) = plan_faults(plan_of(untold))
    assert found.startswith("learnt: must know its task where evaluate hands it an environment, and is told it by what")
    assert plan_faults(plan_of(untold, join={"episodes": {}})) == []
    assert list(building_faults(plan_of())) == []
