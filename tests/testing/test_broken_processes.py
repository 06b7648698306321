"""What hangs on the order of a set, on the folder or on earlier calls is found by running it in other processes."""

import importlib
import textwrap
from collections.abc import Iterator
from types import ModuleType

import pytest

from ilkit.registry.find import Component
from ilkit.testing import process_checks
from ilkit.testing.arguments import Options
from ilkit.testing.subject import Subject

pytestmark = pytest.mark.bits

MODULE = """
    import os
    import zlib
    from functools import cache
    from typing import Literal

    import equinox as eqx
    import numpy as np

    from ilkit.data.demonstrations import Demonstrations
    from ilkit.spec import Spec

    NAMES = {"position", "velocity", "angle", "torque", "height", "width"}

    class Toy(Spec):
        '''A stage.'''
        kind: Literal["toy"] = "toy"

    def scaled(demos, factor):
        return eqx.tree_at(lambda tree: tree.rewards, demos, np.full_like(demos.rewards, factor))

    def good(spec, env, demos, *, key) -> Demonstrations:
        print("What is printed is no answer.")
        return scaled(demos, len(NAMES))

    def ordered_as_a_set(spec, env, demos, *, key) -> Demonstrations:
        return scaled(demos, zlib.crc32(" ".join(NAMES).encode()))

    def named_after_its_folder(spec, env, demos, *, key) -> Demonstrations:
        return scaled(demos, zlib.crc32(os.getcwd().encode()))

    CACHE = {}

    def cached_by_its_spec(spec, env, demos, *, key) -> Demonstrations:
        return CACHE.setdefault(spec, demos)

    def unable(spec, env, demos, *, key) -> Demonstrations:
        raise OSError("no such device")
"""


@pytest.fixture(scope="module")
def components(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "components_to_break.py").write_text(textwrap.dedent(MODULE))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.chdir(folder)
        yield importlib.import_module("components_to_break")


def subject(components: ModuleType, name: str) -> Subject:
    return Subject(Component("augment", "toy", getattr(components, name), components.Toy), Options())


def test_what_hangs_on_nothing_but_its_inputs_passes(components: ModuleType) -> None:
    process_checks.other_processes_same_output(subject(components, "good"))


@pytest.mark.parametrize("name", ["ordered_as_a_set", "named_after_its_folder", "cached_by_its_spec"])
def test_what_hangs_on_more_fails(components: ModuleType, name: str) -> None:
    with pytest.raises(AssertionError, match="Two processes must make the same bits"):
        process_checks.other_processes_same_output(subject(components, name))


def test_what_cannot_be_made_there_is_said(components: ModuleType) -> None:
    with pytest.raises(AssertionError, match="in another process, but there OSError: no such device"):
        process_checks.other_processes_same_output(subject(components, "unable"))
