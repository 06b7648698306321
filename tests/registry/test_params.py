import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilkit.errors import IlkitError, ParamsError
from ilkit.registry.params import faults, fold
from ilkit.registry.settings import read_params, setting


def raw(**settings: Any) -> dict[str, Any]:
    return {"seed": 0, "num_threads": 1, "imitate": {"kind": "bc", "bc": settings, "f_divergence": {}}}


def explain(params: dict[str, Any]) -> str:
    return "\n".join(faults(params, {"imitate": "imitate"}))


def test_a_valid_block_folds_into_its_spec() -> None:
    spec = fold(raw(learning_rate=1e-3, num_steps=7), "imitate", "imitate")
    assert (spec.kind, spec.num_steps) == ("bc", 7)
    assert explain(raw()) == ""


@pytest.mark.parametrize(
    ("params", "said"),
    [
        (raw(learning_rat=1.0), ["imitate.bc.learning_rat", "no such setting", "Did you mean 'learning_rate'?"]),
        (raw(learning_rate=-1.0), ["imitate.bc.learning_rate", "greater than 0", "got -1.0"]),
        (raw(num_steps="many"), ["imitate.bc.num_steps", "must be a whole number", "got 'many'"]),
        (raw(num_steps=2.5), ["imitate.bc.num_steps", "must be a whole number", "got 2.5"]),
        ({**raw(), "imitate": {"kind": "bx", "bc": {}}}, ["imitate.kind", "got 'bx'", "bc"]),
        ({**raw(), "imitate": {"kind": "bc"}}, ["imitate.bc", "missing", "Add `bc: {}`"]),
        ({**raw(), "imitate": {"bc": {}}}, ["imitate.kind: must name one of the kinds below (bc), got None"]),
        ({**raw(), "imitate": 3}, ["imitate: must be a mapping", "got 3"]),
        (
            {"seed": 0, "num_threads": 1, "imitat": {}},
            ["imitat: the pipeline uses no such block. Did you mean 'imitate'? If it isn't needed, leave it out."],
        ),
        ({**raw(), "seed": -1}, ["seed: must be a whole number from 0 to 4,294,967,295, got -1"]),
        ({**raw(), "seed": True}, ["seed: must be a whole number", "got True"]),
        (
            {**raw(), "instruction_set": "avx3"},
            ["instruction_set: must be avx2 or native, got 'avx3'. Did you mean 'avx2'?"],
        ),
        ({**raw(), "num_threads": 10_000}, ["num_threads: must be a whole number from 1 to 1,024, got 10000"]),
        (raw(num_steps=10**23), ["imitate.bc", "num_steps must be below 2³¹, got 100000000000000000000000"]),
        (raw(learning_rate=1e-60), ["imitate.bc", "learning_rate must be 0 or a number of 32 bits", "got 1e-60"]),
        ({**raw(), "num_threads": 0}, ["num_threads: must be a whole number from 1 to 1,024, got 0"]),
        ({**raw(), "imitate": {"kind": "bc", "bc": {}, "f_divergence": {"x": 1}}}, ["imitate.f_divergence.x"]),
    ],
)
def test_a_fault_names_the_path_the_rule_the_value_and_the_remedy(params: dict[str, Any], said: list[str]) -> None:
    for words in said:
        assert words in explain(params)


@pytest.mark.parametrize(
    ("group", "kind", "settings", "said"),
    [
        (
            "dataset",
            "file",
            {"goal": {"achived": [0]}},
            "goal.achived: there is no such setting. Did you mean 'achieved'?",
        ),
        (
            "dataset",
            "file",
            {"goal": {"xyz": 1}},
            "goal.xyz: there is no such setting. Choose from: achieved, desired, tolerance.",
        ),
        (
            "evaluate",
            "goals",
            {"published": [{"policy": "a", "share": 0.5, "deviation": 0.1, "num_seeds": 3, "polic": "b"}]},
            "published.0.polic: there is no such setting. Did you mean 'policy'?",
        ),
        (
            "env",
            "recorded",
            {"observation": {"kind": "box", "shap": [3]}},
            "observation.shap: there is no such setting. Did you mean 'shape'?",
        ),
    ],
)
def test_a_setting_within_a_setting_is_told_what_there_is_there(
    group: str, kind: str, settings: dict[str, Any], said: str
) -> None:
    params = {"seed": 0, "num_threads": 1, "block": {"kind": kind, kind: settings}}
    assert said in "\n".join(faults(params, {"block": group}))


@pytest.mark.parametrize(
    ("group", "kind", "settings", "said"),
    [
        (
            "env",
            "point_maze",
            {"layout": "medum"},
            "layout: must be arena, medium, large, giant, teleport or a list of texts, got 'medum'. "
            "Did you mean 'medium'?",
        ),
        ("env", "point_maze", {"layout": ["#", 5]}, "layout.1: must be a text, got 5."),
        (
            "env",
            "point_maze",
            {"pairs": "tusks"},
            "pairs: must be tasks, all, near, train, held_out or from_first, got 'tusks'. Did you mean 'tasks'?",
        ),
        (
            "dataset",
            "file",
            {"goal": {"achieved": 3}},
            "goal.achieved: must be a list of whole numbers of at least 0, a list of texts or null, got 3.",
        ),
        ("env", "point_maze", {"tasks": [[[1, 1], [1, "a"]]]}, "tasks.0.1.1: must be a whole number, got 'a'."),
        ("env", "point_maze", {"tasks": []}, "tasks: must be a list of at least 1, got []."),
        ("prefer", "clips", {"length": "all"}, "length: must be a whole number, got 'all'."),
        ("network", "mlp", {"hidden": 64}, "hidden: must be a list, got 64. Write it in brackets: [64]."),
        ("align", "dpo", {"beta": "0.1"}, "beta: must be a number, got '0.1'. Write it without quotes."),
        ("policy", "gaussian", {"squash": 1}, "squash: must be true or false, got 1."),
    ],
)
def test_a_setting_of_the_wrong_type_is_told_once_in_words_of_yaml(
    group: str, kind: str, settings: dict[str, Any], said: str
) -> None:
    params = {"seed": 0, "num_threads": 1, "block": {"kind": kind, kind: settings}}
    found = [fault.removeprefix(f"block.{kind}.") for fault in faults(params, {"block": group})]
    assert [fault for fault in found if "required" not in fault] == [said]


def test_a_setting_beside_its_sub_block_is_told_where_to_go() -> None:
    said = explain({**raw(), "imitate": {"kind": "bc", "bc": {}, "learning_rate": 0.1, "gcbcc": {}}})
    assert "imitate.learning_rate: settings stand in the sub-block of their kind, got 0.1 beside it." in said
    assert "Move it to imitate.bc.learning_rate." in said
    assert "imitate.gcbcc: must be the settings of a registered kind of imitate" in said
    assert "Did you mean 'gcbc'?" in said


def test_a_recording_of_before_formats_is_shown_as_it_is_written_now() -> None:
    settings = {"path": "a.npz", "obs": "x", "final_obs": "repeat"}
    old = {"seed": 0, "num_threads": 1, "demos": {"kind": "npz", "npz": settings}, "format": {"kind": "npz", "npz": {}}}
    said = "\n".join(faults(old, {"demos": "dataset", "format": "format"}))
    assert len(said.splitlines()) == 1
    assert "demos.kind: npz is a kind of format now" in said
    assert 'demos: {"kind": "file", "file": {"path": "a.npz", "final_obs": "repeat"}}' in said
    assert 'format: {"kind": "npz", "npz": {"obs": "x"}}' in said


def test_all_faults_are_listed_at_once() -> None:
    assert len(explain({**raw(learning_rate=-1.0, num_steps=0), "seed": -1}).splitlines()) == 3


def test_yaml_is_read_as_dvc_reads_it(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("rate: 1e-3\nkind: none\nswitch: no\n")
    assert read_params(tmp_path / "params.yaml") == {"rate": 1e-3, "kind": "none", "switch": "no"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1\n", "must be a mapping of names, such as `seed: 0`, got a list"),
        ("", "got nothing"),
        ("seed: 0\na: [1\n", "params.yaml, line 3: must be YAML"),
        ("\x00", "must be a file of YAML"),
        ("seed: 1\nseed: 2\n", 'line 2: must be YAML: found duplicate key "seed"'),
        ("a: &x {b: *x}\n", "nested at most 32 deep"),
        ("a: " + "[" * 3000 + "]" * 3000, "nested at most 32 deep"),
        ("a: " + "9" * 5000, "numbers of at most 4,300 digits"),
        ("a: {1: 2}\n", "params.yaml: a: every name must be a text, got 1. Put it in quotes."),
        ("x: !!python/object:os.system {}\n", "line 1: must be YAML: could not determine a constructor"),
    ],
)
def test_what_is_no_mapping_of_names_is_an_error_that_names_the_file(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError, match=re.escape(said)) as caught:
        read_params(tmp_path / "params.yaml")
    assert "params.yaml" in str(caught.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["kind", "bc", "f_divergence", "learning_rate", "num_steps", "x"])


@given(st.dictionaries(names, st.sampled_from(["bc", "none"]) | st.dictionaries(names, values, max_size=3) | values))
def test_any_block_is_valid_or_an_error_that_explains_itself(block: Any) -> None:
    try:
        said = repr(fold({"imitate": block}, "imitate", "imitate"))
    except IlkitError as error:
        said = str(error)
    assert "imitate" in said or "learning_rate" in said


def test_setting_reads_whole_numbers() -> None:
    assert setting(raw(), "seed") == 0


def test_all_that_is_wrong_with_one_spec_is_said_at_once() -> None:
    settings = {"critic_warmup_steps": 200, "num_minibatches": 7, "num_seeds": 0}
    said = explain_of({"kind": "ppo", "ppo": settings})
    assert len(said) == 3
    assert "num_seeds: must be greater than 0" in said[0]
    assert "must be a multiple of num_minibatches" in said[1]
    assert "critic_warmup_steps must be below num_steps" in said[2]


def test_a_rule_is_not_asked_of_a_setting_that_is_wrong_by_itself() -> None:
    said = explain_of({"kind": "ppo", "ppo": {"critic_warmup_steps": 200, "num_steps": 0}})
    assert len(said) == 1
    assert "num_steps: must be greater than 0" in said[0]


def explain_of(block: dict[str, Any]) -> list[str]:
    return faults({"seed": 0, "num_threads": 1, "finetune": block}, {"finetune": "finetune"})
