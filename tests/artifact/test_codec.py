import json
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from ilkit.artifact.store import load, save
from ilkit.data.build import Build
from ilkit.data.report import Report
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import ArtifactError, IlkitError
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy

pytestmark = pytest.mark.bits

SPACES = Spaces(observation=Box(low=(-np.inf, -1.0), high=(np.inf, 1.0)), action=Box.symmetric([2.0]))


def learnt(seed: int = 0) -> Seeds:
    build = Build(
        "policy", "deterministic", policy, Deterministic(), (Build("network", "mlp", network, MLP(hidden=(3,))),)
    )
    stacked = eqx.filter_vmap(lambda key: build(SPACES, key=key))(jax.random.split(jax.random.key(seed), 2))
    return Seeds(stacked, {"step": np.arange(3), "loss": np.ones((2, 3), np.float32)}, 2)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_policy_comes_back_as_it_was_and_saves_to_the_same_bytes(tmp_path: Path) -> None:
    save(learnt(), tmp_path / "first")
    loaded = load(tmp_path / "first")
    assert eqx.tree_equal(loaded, learnt())
    save(loaded, tmp_path / "second")
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert loaded[1].spaces == SPACES


def test_what_lies_in_memory_by_columns_is_saved_by_rows(tmp_path: Path) -> None:
    save({"transposed": np.arange(6.0).reshape(2, 3).T, "scalar": np.full((), 3.0)}, tmp_path / "a")
    loaded = load(tmp_path / "a")
    np.testing.assert_array_equal(loaded["transposed"], np.arange(6.0).reshape(2, 3).T)
    assert loaded["scalar"].shape == ()


def test_a_report_is_files_that_dvc_reads(tmp_path: Path) -> None:
    report = Report({"a": {"b": 1.5}}, {"curve": {"x": [1, 2], "y": [0.5, 0.25]}}, "<html>", "short")
    save(report, tmp_path / "report")
    assert json.loads((tmp_path / "report/metrics.json").read_text()) == {"a": {"b": 1.5}}
    assert (tmp_path / "report/curve.tsv").read_text() == "x\ty\n1\t0.5\n2\t0.25\n"
    assert load(tmp_path / "report").html == "<html>"


def test_saving_replaces_what_was_there_and_a_failure_keeps_it(tmp_path: Path) -> None:
    save(learnt(0), tmp_path / "a")
    save(learnt(1), tmp_path / "a")
    assert eqx.tree_equal(load(tmp_path / "a"), learnt(1))
    with pytest.raises(ArtifactError, match="got function"):
        save({"f": test_a_report_is_files_that_dvc_reads}, tmp_path / "a")
    assert eqx.tree_equal(load(tmp_path / "a"), learnt(1))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_missing_truncated_older_or_foreign_artifact_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no artifact"):
        load(tmp_path)
    folder = tmp_path / "a"
    save(learnt(), folder)
    arrays = (folder / "arrays.safetensors").read_bytes()
    (folder / "arrays.safetensors").write_bytes(arrays[:-7])
    with pytest.raises(ArtifactError, match="can't be read"):
        load(folder)
    save_file({"weights": np.ones(3, np.float32)}, folder / "arrays.safetensors")
    with pytest.raises(ArtifactError, match="got none"):
        load(folder)
    (folder / "spec.json").write_text('{"format": 0}')
    with pytest.raises(ArtifactError, match="must have format 2, got 0"):
        load(folder)


@pytest.mark.parametrize(
    "name",
    [
        "os/system",
        "os:system",
        "equinox/os",
        "imitate.bc/draw_batch",
        "imitate.bc/np.load",
        "imitate.nowhere/X",
        "box/x",
    ],
)
def test_nothing_is_run_or_made_that_is_no_module_or_spec_of_ilkit(tmp_path: Path, name: str) -> None:
    save({"a": 1}, tmp_path / "a")
    described = {"format": 2, "artifact": {"kind": name, "version": 1, "fields": {"args": "touch /tmp/never"}}}
    (tmp_path / "a/spec.json").write_text(json.dumps(described))
    with pytest.raises(ArtifactError):
        load(tmp_path / "a")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    folder = tmp_path_factory.mktemp("junk")
    (folder / "spec.json").write_bytes(junk)
    (folder / "arrays.safetensors").write_bytes(junk)
    with pytest.raises(IlkitError):
        load(folder)


leaves = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)


@given(st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)))
def test_any_description_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, described: object) -> None:
    folder = tmp_path_factory.mktemp("described")
    save({}, folder / "a")
    for artifact in (
        described,
        {"kind": described},
        {"kind": "box", "version": described},
        {"array": described},
        {"tuple": described},
        {"model": described},
    ):
        (folder / "a/spec.json").write_text(json.dumps({"format": 2, "artifact": artifact}))
        try:
            load(folder / "a")
        except ArtifactError:
            continue


def test_plain_data_round_trips(tmp_path: Path) -> None:
    thing = {"t": (1, 2.5, None, True, "x"), "l": [jnp.ones(2)]}
    save(thing, tmp_path / "a")
    loaded = load(tmp_path / "a")
    assert loaded["t"] == thing["t"]
    assert isinstance(loaded["l"][0], jax.Array)


def test_an_artifact_names_kinds_and_no_modules(tmp_path: Path) -> None:
    save(learnt(), tmp_path / "a")
    text = (tmp_path / "a/spec.json").read_text()
    assert "ilkit." not in text
    assert '"policy.deterministic/DeterministicPolicy"' in text
    (tmp_path / "a/spec.json").write_text(text.replace('"version": 1', '"version": 7'))
    with pytest.raises(ArtifactError, match="must be of version 1, got 7"):
        load(tmp_path / "a")


def test_a_class_without_a_name_says_how_to_name_it(tmp_path: Path) -> None:
    class Loose(eqx.Module):
        pass

    with pytest.raises(ArtifactError, match=r"ilkit.stored.*loose = "):
        save(Loose(), tmp_path / "a")


def test_the_files_of_an_artifact_have_one_mode(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    save({"x": np.ones(2)}, tmp_path / "a")
    modes = {path.stat().st_mode for path in [tmp_path / "plain", *(tmp_path / "a").iterdir()]}
    assert len(modes) == 1


def test_a_recording_is_to_be_imported_and_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "mine.npz").touch()
    with pytest.raises(ArtifactError, match=r"is a file, and an artifact is a folder\. Import a recording first"):
        load(tmp_path / "mine.npz")
    with pytest.raises(ArtifactError, match="nowhere is no artifact: it isn't there"):
        load(tmp_path / "nowhere")
