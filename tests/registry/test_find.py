from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.declaration import type_name
from ilkit.errors import ParamsError, PluginError
from ilkit.registry.catalog import catalog
from ilkit.registry.find import find

Install = Callable[..., Path]

WORKING = """
    from typing import Literal
    from jaxtyping import PRNGKeyArray
    from ilkit.data.build import Build
    from ilkit.data.demonstrations import Demonstrations
    from ilkit.data.policy import Policy
    from ilkit.data.training import Training
    from ilkit.spec import Spec

    class XYZ(Spec):
        '''Does nothing (Nobody, 2026).'''
        kind: Literal["xyz"] = "xyz"

    def imitate(
        spec: XYZ, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray
    ) -> Training[Policy]: ...
"""


def test_a_plugin_is_found_by_its_entry_point(install: Install) -> None:
    install("ilkit-xyz", "ilkit.imitate", "xyz = xyz_found:imitate", WORKING)
    assert find("imitate", "xyz").spec.__name__ == "XYZ"
    assert ("imitate", "xyz", "ilkit-xyz 1.2", "Does nothing (Nobody, 2026).") in catalog()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("from typing", "import nowhere_to_be_found\n    from typing"), "can't be imported.*nowhere_to_be_found"),
        (('Literal["xyz"] = "xyz"', 'Literal["zyx"] = "zyx"'), "must have the field `kind"),
        (
            ("demos: Demonstrations", "data: Demonstrations"),
            r"parameters after the spec must be \(policy, demos, \[uncertainty\], key\)",
        ),
        (("demos: Demonstrations", "demos: Policy"), "demos must be Demonstrations, got Policy"),
        (("-> Training[Policy]", "-> Policy"), r"return must be Training\[Policy\], got Policy"),
        (("spec: XYZ", "spec: int"), "must be annotated with a Spec"),
    ],
)
def test_a_broken_plugin_is_named_with_its_distribution(install: Install, change: tuple[str, str], said: str) -> None:
    module = f"broken_{abs(hash(change))}"
    install("ilkit-broken", "ilkit.imitate", f"xyz = {module}:imitate", WORKING.replace(*change))
    with pytest.raises(PluginError, match=said) as caught:
        find("imitate", "xyz")
    assert "ilkit-broken 1.2" in str(caught.value)
    assert find("imitate", "bc").kind == "bc", "a broken plug-in must not break what doesn't use it"
    assert any(row[3].startswith("broken: ") and row[2] == "ilkit-broken 1.2" for row in catalog())


def test_a_kind_that_two_distributions_claim_is_an_error_on_use(install: Install) -> None:
    install("ilkit-one", "ilkit.imitate", "xyz = one_claim:imitate", WORKING)
    install("ilkit-two", "ilkit.imitate", "xyz = two_claim:imitate", WORKING)
    with pytest.raises(PluginError, match=r"ilkit-one 1\.2 and by ilkit-two 1\.2"):
        find("imitate", "xyz")


@pytest.mark.parametrize(
    ("hint", "name"),
    [
        (Environment | HostEnvironment, "Environment | HostEnvironment"),
        (Policy | None, "Policy | None"),
        (Build[Environment | HostEnvironment], "Build[Environment | HostEnvironment]"),
        (Policy, "Policy"),
    ],
)
def test_a_type_is_named_as_a_person_writes_it(hint: Any, name: str) -> None:
    assert type_name(hint) == name


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(ParamsError, match="Did you mean 'f_divergence'"):
        find("imitate", "f_divergance")
