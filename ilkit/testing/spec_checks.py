"""Checks of a component's spec."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
from pydantic import ValidationError

from ilkit.testing.comparison import expect
from ilkit.testing.subject import Subject


def spec_is_named_after_the_kind(subject: Subject) -> None:
    """The spec's name is the kind's, but for case and underscores; it has a one-line summary of its own."""
    found, kind = subject.component.spec, subject.component.kind
    expect(
        found.__name__.replace("_", "").lower() == kind.replace("_", ""),
        f"The spec of {kind} must have its name but for case and underscores, got {found.__name__}.",
    )
    expect((found.__doc__ or "").strip(), f"{found.__name__} needs a docstring: its first line is the summary.")


def spec_fields_are_described(subject: Subject) -> None:
    """Every field has a description, a docstring underneath it."""
    for name, schema in _settings(subject):
        expect("description" in schema, f"{_path(subject, name)} needs a description: a docstring underneath it.")


def spec_numbers_have_a_range(subject: Subject) -> None:
    """Every number has a bound by its type, such as `PositiveFloat`; the numbers of a sequence may be any."""
    for name, schema in _settings(subject):
        for number in _numbers(schema):
            bounded = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum", "const"} & set(number)
            expect(
                bounded,
                f"{_path(subject, name)} needs a range by its type, got a bare {number['type']}. "
                "Use PositiveFloat, Annotated[float, Field(ge=0, le=1)] or the like.",
            )


def spec_round_trips_through_json(subject: Subject) -> None:
    """Spec to JSON to spec gives an equal spec; so does taking it apart and putting it together as a pytree."""
    spec = subject.spec
    again = type(spec).model_validate_json(spec.model_dump_json())
    expect(again == spec, f"{spec!r} changed on its way through JSON: {again!r}.")
    expect(again.model_dump_json() == spec.model_dump_json(), f"The JSON of {type(spec).__name__} isn't stable.")
    leaves, structure = jax.tree.flatten(spec)
    expect(jax.tree.unflatten(structure, leaves) == spec, f"{type(spec).__name__} changed on its way through a pytree.")


def spec_is_frozen_and_hashes(subject: Subject) -> None:
    """A spec can't be changed; equal specs have equal hashes."""
    spec = subject.spec
    again = type(spec).model_validate_json(spec.model_dump_json())
    expect(hash(again) == hash(spec), f"Equal specs must have equal hashes; {type(spec).__name__} has not.")
    try:
        setattr(again, "kind", subject.component.kind)  # noqa: B010, the types know that it is frozen
    except ValidationError:
        return
    raise AssertionError(f"{type(spec).__name__} must be frozen, but a field could be set.")


def spec_rejects_unknown_fields(subject: Subject) -> None:
    """A field that the spec doesn't have is an error."""
    spec = subject.spec
    try:
        type(spec).model_validate(spec.model_dump() | {"no_such_field": 1})
    except ValidationError:
        return
    raise AssertionError(f"{type(spec).__name__} must reject unknown fields, but took no_such_field.")


CHECKS = (
    spec_is_named_after_the_kind,
    spec_fields_are_described,
    spec_numbers_have_a_range,
    spec_round_trips_through_json,
    spec_is_frozen_and_hashes,
    spec_rejects_unknown_fields,
)
"""The checks that every component has to pass."""


def _settings(subject: Subject) -> Iterator[tuple[str, Mapping[str, Any]]]:
    schemas = subject.component.spec.model_json_schema()["properties"]
    return ((name, schema) for name, schema in schemas.items() if name != "kind")


def _numbers(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for one in schema.get("anyOf", [schema]):
        if one.get("type") in ("number", "integer"):
            yield one


def _path(subject: Subject, name: str) -> str:
    return f"{subject.component.block}.{subject.component.kind}.{name}"
