"""What a setting must be, in the words of who writes `params.yaml`: a list, not a tuple, and one rule for all types."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_NAMES: dict[Any, tuple[str, str]] = {
    bool: ("true or false", "values of true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a text", "texts"),
    Path: ("a path", "paths"),
    NoneType: ("null", "null"),
}
"""One of a type, and several."""

_RULES = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "path_type": "a path",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of names",
    "model_type": "a mapping of settings",
    "none_required": "null",
    "finite_number": "a finite number",
}
"""The rules that types have, by pydantic's names of what breaks them."""


def rule_of(error: dict[str, Any]) -> str:
    """The rule that a value breaks, to be read after `must be` or, of a rule that a spec has, alone."""
    context = error.get("ctx") or {}
    if error["type"] == "too_short":
        return f"a list of at least {context['min_length']}"
    if error["type"] == "too_long":
        return f"a list of at most {context['max_length']}"
    if error["type"] == "literal_error":
        return str(context["expected"]).replace("'", "")
    return _RULES.get(error["type"], error["msg"].removeprefix("Input should be ").removeprefix("Value error, "))


def wanted(hint: Any, metadata: Sequence[Any] = (), *, several: bool = False) -> str:
    """What a type takes, in words: `a whole number of at least 1 or a list of texts`."""
    if get_origin(hint) is Annotated:
        inner, *more = get_args(hint)
        return wanted(inner, [*more, *metadata], several=several)
    if choices := members(hint):
        literals = [choice for one in choices if get_origin(one) is Literal for choice in get_args(one)]
        others = [wanted(one, several=several) for one in choices if get_origin(one) is not Literal]
        return _either([*map(str, literals), *others])
    if get_origin(hint) is Literal:
        return _either([str(choice) for choice in get_args(hint)])
    if get_origin(hint) is tuple:
        items = [one for one in get_args(hint) if one is not Ellipsis]
        same = all(one == items[0] for one in items)
        told = wanted(items[0], several=True) if same else ", ".join(map(wanted, items))
        count = "" if Ellipsis in get_args(hint) else f"{len(items)}: " if not same else f"{len(items)} "
        return f"{'lists' if several else 'a list'} of {count}{told}"
    name = _NAMES.get(hint, ("a mapping of settings", "mappings of settings"))[several]
    return name + "".join(_limits(metadata))


def members(hint: Any) -> tuple[Any, ...]:
    """The types of a union, through unions in it; none of anything else."""
    if get_origin(hint) is Annotated:
        inner, *metadata = get_args(hint)
        tagged = any(isinstance(one, FieldInfo) and one.discriminator for one in metadata)
        return () if tagged else members(inner)
    if get_origin(hint) not in (Union, UnionType):
        return ()
    return tuple(inner for one in get_args(hint) for inner in (members(one) or (one,)))


def union_at(specs: Sequence[type[BaseModel]], location: Sequence[Any]) -> tuple[int, Any] | None:
    """How many names lead to the setting of one of several types that an error is about, and its type; None if none
    does. Spaces, which their `kind` tells apart, aren't such."""
    waiting: Sequence[Any] = specs
    for depth, part in enumerate(location):
        fields = [one.model_fields[part] for one in waiting if _has_field(one, part)]
        if not fields and not isinstance(part, int):
            return None
        hints = [one.annotation for one in fields] or [inner for one in waiting for inner in _items(one, part)]
        kinds = [[one for one in members(hint) if one is not NoneType] for hint in hints]
        for field, hint, choices in zip(fields or hints, hints, kinds, strict=True):
            if len(choices) > 1 and not (isinstance(field, FieldInfo) and field.discriminator):
                return depth + 1, hint
        waiting = [choice for hint, choices in zip(hints, kinds, strict=True) for choice in choices or [hint]]
    return None


def takes_list(hint: Any) -> bool:
    """Whether one of the types of a union, and no other, is that of a list."""
    return sum(get_origin(one) is tuple for one in members(hint)) == 1


def _has_field(hint: Any, name: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel) and name in hint.model_fields


def _items(hint: Any, number: Any) -> Iterator[Any]:
    """The type of an item of a list."""
    hint = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    items = get_args(hint) if get_origin(hint) is tuple else ()
    if items:
        yield items[0] if Ellipsis in items else items[min(number, len(items) - 1)]


def _limits(metadata: Sequence[Any]) -> Iterator[str]:
    found = [inner for one in metadata for inner in (one.metadata if isinstance(one, FieldInfo) else [one])]
    words = ((Gt, "gt", "above"), (Ge, "ge", "of at least"), (Lt, "lt", "below"), (Le, "le", "of at most"))
    told = [f"{word} {getattr(one, name):g}" for kind, name, word in words for one in found if isinstance(one, kind)]
    told += [f"of at least {one.min_length}" for one in found if isinstance(one, MinLen)]
    told += [f"of at most {one.max_length}" for one in found if isinstance(one, MaxLen)]
    if told:
        yield f" {' and '.join(told)}"


def _either(choices: Sequence[str]) -> str:
    return " or ".join([", ".join(choices[:-1]), choices[-1]] if len(choices) > 1 else choices)
