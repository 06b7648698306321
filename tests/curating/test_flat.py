"""Looks at observations that are dictionaries."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ilkit.artifact.store import load, save
from ilkit.cli.commands import command_line
from ilkit.curating.faults import find_faults
from ilkit.curating.flat import as_vectors, column_names, without_goals
from ilkit.curating.summary import summarize
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_settings import Goal
from ilkit.data.spaces import Box, Dict, Discrete, Spaces
from ilkit.files.goals import give_goals

pytestmark = pytest.mark.bits


def seen() -> Demonstrations:
    random, lengths = np.random.default_rng(0), np.array([20, 30, 25], np.int32)
    rows = int(lengths.sum()) + 3
    obs = {
        "camera": random.integers(0, 256, (rows, 3, 2), np.uint8),
        "gear": random.integers(1, 4, rows).astype(np.int32),
        "position": random.normal(size=(rows, 2)).astype(np.float32),
    }
    picture = Box(shape=(3, 2), low=0.0, high=255.0, dtype="uint8")
    entries = {"camera": picture, "gear": Discrete(size=3, start=1), "position": Box.symmetric((9.0, 8.0))}
    actions, ends = random.normal(size=(rows - 3, 1)).astype(np.float32), np.ones(3, bool)
    spaces = Spaces(observation=Dict(entries=entries), action=Box.symmetric((np.inf,)))  # type: ignore[arg-type]
    return Demonstrations(obs, actions, np.zeros(rows - 3, np.float32), ~ends, ends, lengths, spaces=spaces)


def test_entries_stand_side_by_side_by_name() -> None:
    demos = seen()
    flat = as_vectors(demos)
    assert column_names(demos) == ["camera mean", "gear", "position 0", "position 1"]
    np.testing.assert_allclose(flat.obs[:, 0], demos.obs["camera"].mean(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_array_equal(flat.obs[:, 1], demos.obs["gear"])
    np.testing.assert_array_equal(flat.obs[:, 2:], demos.obs["position"])
    assert flat.spaces.observation == Box(low=(0.0, 1.0, -9.0, -8.0), high=(255.0, 3.0, 9.0, 8.0))
    assert [column.name for column in summarize(demos).obs] == column_names(demos)


def test_faults_of_entries_are_found() -> None:
    demos = seen()
    assert find_faults(demos) == ()
    demos.obs["position"][25, 1] = np.nan
    (fault,) = find_faults(demos)
    assert "obs not finite: 1 entry in 1 row of 1 episode (episode 1 step 4 dimension 3)" in str(fault)
    demos.obs["position"][:, 1] = 0.5
    assert [fault.name for fault in find_faults(demos)] == ["obs constant"]


def test_goals_repeat_what_is_observed_and_are_no_defect() -> None:
    whole = seen()
    demos = give_goals(whole, Goal(achieved=("position",)), Path("mine"))
    assert find_faults(demos) == find_faults(whole) == ()
    assert sorted(without_goals(demos).obs) == sorted(whole.obs)
    alone = without_goals(give_goals(as_vectors(whole), Goal(achieved=(2, 3)), Path("mine")))
    np.testing.assert_array_equal(alone.obs, as_vectors(whole).obs)
    assert alone.spaces == as_vectors(whole).spaces
    assert without_goals(whole) is whole


def test_commands_take_dictionaries(tmp_path: Path) -> None:
    save(seen(), tmp_path / "demos")
    run = CliRunner().invoke
    shown = run(command_line, ["data", "show", str(tmp_path / "demos"), "--html", str(tmp_path / "page.html")])
    assert "position 1" in shown.output
    assert shown.exit_code == 0, shown.output
    assert run(command_line, ["data", "check", str(tmp_path / "demos")]).output == "Found no defects.\n"
    run(command_line, ["data", "filter", str(tmp_path / "demos"), str(tmp_path / "one"), "--episodes", "1"])
    assert load(tmp_path / "one").obs["camera"].shape == (31, 3, 2)
