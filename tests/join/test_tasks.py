"""Recordings of several tasks put together: nothing of them is lost, and every step is told its task."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Dict, Discrete, Spaces
from ilkit.env import point_room
from ilkit.errors import DataError, ParamsError
from ilkit.join import episodes, one_hot, settings
from ilkit.registry.params import parse
from ilkit.testing.problems import demonstrations
from ilkit.testing.stand_ins import wandering

KEY = jax.random.key(0)
MASSES = settings.Settings(tasks={"heavy": {"mass": 2.0, "length": 1.0}, "light": {"mass": 0.5, "length": 1.0}})


def recorded() -> dict[str, Demonstrations]:
    """Two recordings, one of which knows more of itself than the other."""
    light, heavy = demonstrations(3, "continuous"), demonstrations(5, "continuous")
    known = replace(
        heavy,
        success=np.array([1, 0, 1, np.nan, 0], np.float32),
        executed=heavy.actions * np.float32(0.5),
        follows=np.array([True, True, False, True, True]),
        weights=np.arange(heavy.num_steps, dtype=np.float32),
    )
    return {"light": light, "heavy": known}


@pytest.mark.parametrize(("join", "spec"), [(one_hot.join, one_hot.OneHot()), (settings.join, MASSES)])
def test_all_but_the_task_is_what_it_is_without_tasks(join: Any, spec: Any) -> None:
    given = recorded()
    told, plain = join(spec, **given, key=KEY), episodes.join(episodes.Episodes(), **given, key=KEY)
    np.testing.assert_array_equal(told.obs["observation"], plain.obs)
    for name in (
        "actions",
        "rewards",
        "terminated",
        "truncated",
        "lengths",
        "success",
        "executed",
        "follows",
        "weights",
    ):
        np.testing.assert_array_equal(getattr(told, name), getattr(plain, name), err_msg=name)
    assert told.spaces.tasks is not None
    assert told.spaces.tasks.observation == plain.spaces.observation


def test_the_number_of_a_recording_is_its_task() -> None:
    given = recorded()
    told = one_hot.join(one_hot.OneHot(), **given, key=KEY)
    assert dict(told.spaces.observation.entries)["task"] == Discrete(size=2)
    np.testing.assert_array_equal(told.obs["task"], np.repeat([0, 1], [given["light"].num_obs, given["heavy"].num_obs]))
    assert told.spaces.tasks.values == (("light", (0.0,)), ("heavy", (1.0,)))


def test_the_settings_that_differ_are_the_task_whatever_their_order() -> None:
    given = recorded()
    told = settings.join(MASSES, **given, key=KEY)
    assert dict(told.spaces.observation.entries)["task"] == Box(low=(0.5,), high=(2.0,))
    expected = np.repeat([0.5, 2.0], [given["light"].num_obs, given["heavy"].num_obs])
    np.testing.assert_array_equal(told.obs["task"], expected[:, None].astype(np.float32))
    spec = settings.Settings(tasks={"light": {"y": 1, "x": 0.1, "z": 2}, "heavy": {"x": 0, "z": 2, "y": 3}})
    assert spec.differing == ("x", "y")
    rows = settings.join(spec, **given, key=KEY).obs["task"]
    np.testing.assert_array_equal(rows[[0, -1]], np.array([[0.1, 1], [0, 3]], np.float32))


def test_dictionaries_keep_their_entries() -> None:
    room = point_room.env(point_room.PointRoom(max_steps=4))
    first, second = wandering(room, 2), wandering(room, 3)
    told = one_hot.join(one_hot.OneHot(), first=first, second=second, key=KEY)
    assert set(told.obs) == {*first.obs, "task"}
    assert told.spaces.tasks.observation == room.spaces.observation
    np.testing.assert_array_equal(told.obs["achieved_goal"][: first.num_obs], first.obs["achieved_goal"])


def test_tasks_of_other_shapes_are_refused_with_what_differs() -> None:
    one, other = demonstrations(3, "continuous"), demonstrations(3, "discrete")
    with pytest.raises(DataError, match=r"of other differ from those of one: actions are box of size 2, got discrete"):
        one_hot.join(one_hot.OneHot(), one=one, other=other, key=KEY)
    wide = Spaces(observation=Box(shape=(3,), low=-9.0, high=9.0), action=one.spaces.action)
    other = replace(one, obs=np.pad(one.obs, ((0, 0), (0, 1))), spaces=wide)
    with pytest.raises(DataError, match=r"observations are box of size 2, got box of size 3\. Record tasks where"):
        one_hot.join(one_hot.OneHot(), one=one, other=other, key=KEY)


def test_what_tells_tasks_apart_already_is_refused() -> None:
    given = recorded()
    together = one_hot.join(one_hot.OneHot(), **given, key=KEY)
    with pytest.raises(DataError, match=r"must have no entry task yet.*all of them together at once"):
        one_hot.join(one_hot.OneHot(), one=together, two=together, key=KEY)
    renamed = one_hot.join(one_hot.OneHot(), a=given["light"], b=given["heavy"], key=KEY)
    with pytest.raises(DataError, match=r"tasks are light, heavy, got a, b"):
        episodes.join(episodes.Episodes(), one=together, two=renamed, key=KEY)


def test_nothing_to_put_together_is_refused() -> None:
    nothing: dict[str, Demonstrations] = {}
    with pytest.raises(DataError, match=r"stages\.join needs recordings"):
        one_hot.join(one_hot.OneHot(), **nothing, key=KEY)


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ({"light": {"mass": 1.0}, "heavy": {"length": 1.0}}, "same settings, got mass of light and length of heavy"),
        ({"light": {"mass": 1.0}, "heavy": {"mass": 1}}, "must differ in a setting, got the same mass of all"),
        ({"light": {"mass": 1.0}}, "at least 2"),
        ({"light": {}, "heavy": {}}, "at least 1"),
        ({"light": {"mass": "much"}, "heavy": {"mass": 1.0}}, "must be a number"),
        ({"light": {"mass": 1e300}, "heavy": {"mass": 1.0}}, "mass of light must be at most 1e[+]09, got 1e[+]300"),
        ({"light": 1.0, "heavy": 2.0}, "tasks"),
    ],
)
def test_settings_that_tell_nothing_apart_are_refused(tasks: Any, said: str) -> None:
    with pytest.raises(ParamsError, match=said):
        parse(settings.Settings, {"tasks": tasks}, "join.settings")


def test_settings_of_other_recordings_are_refused_by_the_check_and_by_the_stage() -> None:
    said = "tasks: must be one for each recording, first, light, got heavy, light."
    assert list(MASSES.input_faults({"light", "first"})) == [said]
    light, heavy = recorded().values()
    with pytest.raises(DataError, match=rf"join\.settings\.{said}"):
        settings.join(MASSES, light=light, first=heavy, key=KEY)


def test_spaces_without_tasks_are_written_as_before() -> None:
    spaces = Spaces(observation=Discrete(size=2), action=Discrete(size=3))
    assert set(spaces.model_dump()) == {"observation", "action"}
    told = one_hot.join(one_hot.OneHot(), **recorded(), key=KEY).spaces
    assert Spaces.model_validate_json(told.model_dump_json()) == told
    assert isinstance(told.observation, Dict)
