"""Wrappers: a kind around another of its block, built with its settings, digested with its code, told with both."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ilkit import stages
from ilkit.data.spaces import Box
from ilkit.errors import ParamsError
from ilkit.planning.faults import plan_faults
from ilkit.planning.plan import Plan
from ilkit.registry.digest import component_digest
from ilkit.running.chosen import chosen_codes
from ilkit.wiring.tracing import Block, Graph, trace

pytestmark = pytest.mark.bits

PIPELINE = """
from ilkit import pipeline, stages

@pipeline
def chain(params):
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    return stages.imitate(params.imitate, params.policy, demos)
"""
PARAMS: dict[str, Any] = {
    "seed": 0,
    "num_threads": 1,
    "env": {"kind": "point_mass", "point_mass": {}},
    "expert": {"kind": "lqr", "lqr": {}},
    "rollout": {"kind": "episodes", "episodes": {}},
    "network": {"kind": "frame_stack", "frame_stack": {"num_frames": 3}, "mlp": {"hidden": [8]}},
    "policy": {
        "kind": "chunked",
        "chunked": {"inner": "mixture", "horizon": 4, "execute": 2},
        "mixture": {"num_components": 3},
        "gaussian": {},
    },
    "imitate": {"kind": "bc", "bc": {}},
}


def changed(block: str, kind: str, **settings: Any) -> dict[str, Any]:
    return PARAMS | {block: PARAMS[block] | {kind: PARAMS[block].get(kind, {}) | settings}}


def chain(params: Any) -> Any:
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    return stages.imitate(params.imitate, params.policy, demos)


def test_what_is_wrapped_is_built_with_its_own_settings() -> None:
    plan = Plan(Graph(), PARAMS)
    policy, network = plan.build(Block("policy"), "policy"), plan.build(Block("network"), "network")
    assert policy.inner is not None
    assert (policy.inner.kind, policy.inner.spec.num_components) == ("mixture", 3)  # type: ignore[attr-defined]
    assert policy.inner.parts == policy.parts == (network,)
    assert network.inner is not None
    assert network.inner.spec.hidden == (8,)  # type: ignore[attr-defined]
    assert [
        kind for block, spec in Plan(trace(chain), PARAMS).specs() if block == "policy" for kind in [dict(spec)["kind"]]
    ] == [
        "chunked",
        "mixture",
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"inner": "mixtur"}, "policy.chunked.inner must be a registered kind of policy, got 'mixtur'. Did you mean"),
        ({"inner": "chunked"}, "policy.chunked.inner: must be no wrapper itself, got 'chunked'"),
        ({"inner": "deterministic"}, "policy.deterministic: the settings of the chosen kind are missing"),
    ],
)
def test_a_wrapper_around_what_cannot_be_is_named(settings: dict[str, Any], said: str) -> None:
    faults = plan_faults(Plan(trace(chain), changed("policy", "chunked", **settings)))
    assert any(said in fault for fault in faults), faults


def write(folder: Path, params: dict[str, Any]) -> None:
    (folder / "pipeline.py").write_text(PIPELINE)
    (folder / "dvc.yaml").write_text("stages: {components: {meta: {pipeline: pipeline.py}}}")
    with (folder / "params.yaml").open("w") as file:
        YAML().dump(params, file)


def test_a_wrapper_is_rerun_when_what_it_wraps_changes_and_not_when_another_does(tmp_path: Path) -> None:
    digests = []
    for settings in ({}, {"num_components": 4}):
        write(tmp_path, changed("policy", "mixture", **settings))
        code = chosen_codes(tmp_path)[0]["policy"]["chunked"]
        assert "ilkit.policy.mixture" in code.modules
        digests.append(component_digest(code, tmp_path))
    write(tmp_path, changed("policy", "gaussian", squash=True))
    digests.append(component_digest(chosen_codes(tmp_path)[0]["policy"]["chunked"], tmp_path))
    assert digests[0] == digests[2] != digests[1]


def test_a_chunk_longer_than_an_episode_is_found_before_anything_runs(tmp_path: Path) -> None:
    write(tmp_path, changed("policy", "chunked", horizon=51))
    with pytest.raises(
        ParamsError, match=r"policy.chunked.horizon: must be at most the steps of an episode, 50, got 51"
    ):
        chosen_codes(tmp_path)


def test_a_discrete_head_is_refused_in_a_wrapper_too(tmp_path: Path) -> None:
    assert isinstance(Plan(Graph(), PARAMS).build(Block("env"), "env")().spaces.action, Box)
    write(tmp_path, PARAMS | {"policy": {"kind": "chunked", "chunked": {"inner": "categorical"}, "categorical": {}}})
    with pytest.raises(ParamsError, match="categorical needs a discrete action space"):
        chosen_codes(tmp_path)
