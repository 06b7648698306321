"""Whether a component's signature is that of its declaration."""

import inspect
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ilkit.declaration import Declaration, choices_of, required, type_name, variadic_hint
from ilkit.spec import Spec


def signature_fault(function: Any, declaration: Declaration[Any, Any], kind: str) -> str | None:
    """What keeps a function from being a component of this kind, or None: its parameters after the spec are those of
    the declaration, in their order, without any of the optional ones that it doesn't need."""
    if not callable(function):
        return f"it must be a function, got {type(function).__name__}."
    try:
        hints = get_type_hints(function)
    except Exception as error:
        return f"its annotations can't be resolved: {error}."
    names, expected = _names(inspect.signature(function)), _names(declaration.signature)[1:]
    left_out = declaration.optional - set(names)
    if not names or names[1:] != [name for name in expected if name not in left_out]:
        return f"its parameters after the spec must be ({_listed(declaration)}), got ({', '.join(names[1:])})."
    return (
        _spec_fault(hints.get(names[0]), kind)
        or _type_fault(hints, [*names[1:], "return"], declaration)
        or _variadic_fault(function, declaration)
    )


def _names(signature: inspect.Signature) -> list[str]:
    """The names of parameters; what is passed by any other name may be called as one likes."""
    return [name for name, one in signature.parameters.items() if one.kind is not inspect.Parameter.VAR_KEYWORD]


def _variadic_fault(function: Any, declaration: Declaration[Any, Any]) -> str | None:
    """A component may take some of the types that the declaration has for what is passed by any other name."""
    taken, expected = choices_of(variadic_hint(function)), declaration.others
    if set(taken) <= set(expected) and bool(taken) == bool(expected):
        return None
    wanted = " or ".join(map(type_name, expected)) or "nothing"
    return f"what is passed by any other name must be {wanted}, got {' or '.join(map(type_name, taken)) or 'nothing'}."


def _spec_fault(spec: Any, kind: str) -> str | None:
    if not (isinstance(spec, type) and issubclass(spec, Spec)):
        return f"its first parameter must be annotated with a Spec, got {spec}."
    field = spec.model_fields.get("kind")
    if field is None or get_origin(field.annotation) is not Literal or get_args(field.annotation) != (kind,):
        got = "none" if field is None else field.annotation
        return f'its spec {spec.__name__} must have the field `kind: Literal["{kind}"]`, got {got}.'
    return None


def _type_fault(hints: dict[str, Any], names: list[str], declaration: Declaration[Any, Any]) -> str | None:
    for name in names:
        expected = declaration.hints[name]
        if name in declaration.optional and hints.get(name) == required(expected):
            continue  # a component may need what others leave out
        if not _fits(hints.get(name), expected, covariant=name == "return"):
            return f"{name} must be {type_name(expected)}, got {type_name(hints.get(name))}."
    return None


def _listed(declaration: Declaration[Any, Any]) -> str:
    names = list(declaration.signature.parameters)[1:]
    return ", ".join(f"[{name}]" if name in declaration.optional else name for name in names)


def _fits(got: Any, expected: Any, *, covariant: bool) -> bool:
    if got == expected:
        return True
    if not covariant:
        return False
    if len(choices_of(expected)) > 1:
        return all(any(_fits(one, other, covariant=True) for other in choices_of(expected)) for one in choices_of(got))
    return isinstance(got, type) and isinstance(expected, type) and issubclass(got, expected)
