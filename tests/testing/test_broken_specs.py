"""Every check of specs fails for one that breaks its rule."""

from collections.abc import Callable
from typing import Literal

import pytest
from pydantic import ConfigDict, PositiveFloat, PositiveInt, ValidationError, field_serializer

from ilkit.data.policy import Policy
from ilkit.registry.find import Component
from ilkit.spec import Spec
from ilkit.testing import spec_checks
from ilkit.testing.arguments import Options
from ilkit.testing.problems import tracking_expert
from ilkit.testing.subject import Subject

pytestmark = pytest.mark.bits


class Toy(Spec):
    """A stage."""

    kind: Literal["toy"] = "toy"
    num_steps: PositiveInt = 2
    """Steps, where it trains."""


def expert(spec, env, *, key) -> Policy:
    """Makes the expert, whatever the spec."""
    return tracking_expert("continuous")


class Mute(Toy):
    kind: Literal["mute"] = "mute"


class Other(Toy):
    """A spec of another name."""


class Terse(Toy):
    """A spec with a field that nothing says anything of."""

    factor: PositiveFloat = 1.0


class Boundless(Toy):
    """A spec with a number that may be any."""

    factor: float = 1.0
    """A factor."""


class Lossy(Toy):
    """A spec that its JSON doesn't hold."""

    factor: PositiveFloat = 0.3
    """A factor."""

    @field_serializer("factor")
    def _round(self, factor: float) -> float:
        return round(factor)


class Loose(Toy):
    """A spec that can be changed."""

    model_config = ConfigDict(frozen=False)


class Lenient(Toy):
    """A spec that takes any field."""

    model_config = ConfigDict(extra="ignore")


BROKEN_SPECS = [
    (spec_checks.spec_is_named_after_the_kind, Other, "must have its name"),
    (spec_checks.spec_is_named_after_the_kind, Mute, "docstring"),
    (spec_checks.spec_fields_are_described, Terse, "Terse|factor needs a description"),
    (spec_checks.spec_numbers_have_a_range, Boundless, "factor needs a range"),
    (spec_checks.spec_round_trips_through_json, Lossy, "Input should be greater than 0|changed on its way"),
    (spec_checks.spec_is_frozen_and_hashes, Loose, "must be frozen"),
    (spec_checks.spec_rejects_unknown_fields, Lenient, "must reject unknown"),
]


@pytest.mark.parametrize(("check", "broken", "said"), BROKEN_SPECS)
def test_a_spec_that_breaks_a_rule_fails(check: Callable[[Subject], None], broken: type[Spec], said: str) -> None:
    check(Subject(Component("expert", "toy", expert, Toy), Options()))
    kind = broken.model_fields["kind"].default
    with pytest.raises((AssertionError, ValidationError), match=said):
        check(Subject(Component("expert", kind, expert, broken), Options()))
