"""The kit tests a stage that a plug-in declares, by the types of its declaration."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ilkit.testing import checks

pytestmark = pytest.mark.bits

DECLARES = """
    from typing import NamedTuple

    import equinox as eqx
    from jax import Array
    from ilkit.data.demonstrations import Demonstrations
    from ilkit.data.policy import Policy
    from ilkit.data.seeds import Learnt, Seeds
    from ilkit.declaration import stage
    from ilkit.spec import Spec

    class Model(Learnt):
        gain: Array

    class Parted(NamedTuple):
        good: Demonstrations
        rest: Demonstrations

    @stage
    def sift(spec: Spec, first: Policy, second: Policy, demos: Demonstrations, model: Model,
             teachers: Seeds[Policy] | None = None) -> Parted:
        '''Episodes that a model finds likely, and the rest.'''
"""

KIND = """
    from typing import Literal

    import jax.numpy as jnp
    import numpy as np
    from ilkit.data.demonstrations import Demonstrations
    from ilkit.data.policy import Policy
    from ilkit.spec import Spec
    from sift_declared import Model, Parted

    def models(variant: int) -> Model:
        return Model(jnp.asarray(0.1 * variant))

    class Likely(Spec):
        '''The episodes whose first observation is nearest to the origin.'''
        kind: Literal["likely"] = "likely"

    def sift(spec: Likely, first: Policy, second: Policy, demos: Demonstrations, model: Model) -> Parted:
        assert (first.mode((), jnp.ones(2))[1] != second.mode((), jnp.ones(2))[1]).all(), "they must differ"
        distances = np.linalg.norm(demos.before(demos.starts) - model.gain, axis=1)
        order = np.argsort(distances, kind="stable")
        return {returned}
"""

NAMES = {
    *("spec_is_named_after_the_kind", "spec_fields_are_described", "spec_numbers_have_a_range"),
    *("spec_round_trips_through_json", "spec_is_frozen_and_hashes", "spec_rejects_unknown_fields"),
    *("inputs_unchanged", "finite", "returns_what_it_declares", "other_processes_same_output", "artifact_round_trips"),
}


def write(install: Callable[..., Path], returned: str) -> None:
    install("ilkit-sift", "ilkit.stages", "sift = sift_declared:sift", DECLARES)
    install("ilkit-likely", "ilkit.sift", "likely = sift_likely:sift", KIND.replace("{returned}", returned))


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test imports modules of its own."""
    for name in ("sift_declared", "sift_likely"):
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)


def test_a_stage_of_a_plugin_passes(install: Callable[..., Path], forgotten: None) -> None:
    write(install, "Parted(demos.take(order[:10]), demos.take(order[10:]))")
    from sift_declared import Model
    from sift_likely import models

    made = checks("sift", "likely", arguments={Model: models})
    assert {check.name.removeprefix("sift-likely-") for check in made} == NAMES
    for check in made:
        check()


@pytest.mark.parametrize("returned", ["[demos, demos]", "Parted(demos, model)"])
def test_what_it_does_not_declare_is_found(install: Callable[..., Path], forgotten: None, returned: str) -> None:
    write(install, returned)
    from sift_declared import Model
    from sift_likely import models

    (check,) = [one for one in checks("sift", "likely", arguments={Model: models}) if "declares" in one.name]
    with pytest.raises(AssertionError, match=r"must make (Parted|Demonstrations), as it declares, got (list|Model)"):
        check()


def test_a_type_that_nobody_makes_is_named(install: Callable[..., Path], forgotten: None) -> None:
    write(install, "Parted(demos, demos)")
    with pytest.raises(
        Exception, match=r"The kit makes no Model, which sift takes as model\. Say how: checks\(\.\.\., arg"
    ):
        checks("sift", "likely")[-1]()
