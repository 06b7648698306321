"""Selector blocks of `params.yaml`, folded into specs."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from ilkit.errors import ParamsError, PluginError, nearest
from ilkit.registry.find import find, installed
from ilkit.registry.settings import SETTINGS, RawParams, instruction_set, setting
from ilkit.registry.wording import members, rule_of, takes_list, union_at, wanted
from ilkit.spec import Spec

_WANTED = ("max_episodes", "action_low", "action_high", "final_obs")
"""The settings that recordings of all formats had."""

_SPACES = ("box", "discrete", "multi_discrete", "dict")

S = TypeVar("S", bound=Spec)


def kind_of(raw: RawParams, block: str) -> str:
    """The kind that a block selects.

    **Raises:** `ParamsError` where the block or its kind is missing.
    """
    if block not in raw:
        raise ParamsError(f"{block}: the pipeline uses this block, but it is missing. Add `{block}: {{kind: ...}}`.")
    chosen = raw[block]
    if not isinstance(chosen, dict):
        raise ParamsError(f"{block}: must be a mapping with `kind` and one sub-block per kind, got {chosen!r}.")
    if not isinstance(chosen.get("kind"), str):
        candidates = ", ".join(str(name) for name in chosen if name != "kind")
        raise ParamsError(f"{block}.kind: must name one of the kinds below ({candidates}), got {chosen.get('kind')!r}.")
    return str(chosen["kind"])


def fold(raw: RawParams, block: str, group: str, kind: str | None = None) -> Spec:
    """Folds a selector block into the spec of the kind that it selects, or of this one.

    **Raises:** `ParamsError` with the path, the rule, the value and the nearest valid choice.
    """
    kind = kind or kind_of(raw, block)
    if moved := _moved(raw, block, group, kind):
        raise ParamsError(moved)
    component = find(group, kind, at=f"{block}.kind")
    if kind not in raw[block]:
        raise ParamsError(
            f"{block}.{kind}: the settings of the chosen kind are missing. Add `{kind}: {{}}` to {block}, "
            f"or -S '+{block}.{kind}={{}}' to the command."
        )
    return parse(component.spec, raw[block][kind], f"{block}.{kind}")


def inner_kind(raw: RawParams, block: str, group: str, spec: Spec) -> str | None:
    """The kind of the same block that a chosen kind is a wrapper around, or None where it is none.

    **Raises:** `ParamsError` where there is no such kind, or it is a wrapper itself.
    """
    chosen, inner = (dict(spec).get(name) for name in ("kind", "inner"))
    if not find(group, str(chosen)).wraps:
        return None
    place = f"{block}.{chosen}.inner"
    if find(group, str(inner), at=place).wraps:
        raise ParamsError(f"{place}: must be no wrapper itself, got {inner!r}. Name the kind that it wraps.")
    fold(raw, block, group, inner)
    return str(inner)


def parse(spec: type[S], settings: Any, path: str, beside: Sequence[type[Spec]] = ()) -> S:
    """Validates the settings of one kind; `path` says where they stand, `beside` whose may stand beside them."""
    if not isinstance(settings, dict):
        raise ParamsError(f"{path}: must be a mapping of settings ({{}} for the defaults), got {settings!r}.")
    if "kind" in settings:
        raise ParamsError(f"{path}.kind: the kind stands beside the sub-block, not in it. Remove it.")
    try:
        return spec.model_validate_json(json.dumps(settings, default=str))
    except ValidationError as error:
        specs: list[type[Spec]] = [spec, *beside]
        raise ParamsError("\n".join(_explained(specs, path, settings, _all_errors(spec, settings)))) from error


def _all_errors(spec: type[Spec], settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is wrong with single settings, and every rule that several break.

    Rules are asked one after the other, of settings that are right by themselves: what is wrong is left out, and the
    rest is validated again.
    """
    rest, left_out = settings, set[str]()
    while True:
        try:
            spec.model_validate_json(json.dumps(rest, default=str))
            return
        except ValidationError as error:
            found = [dict(one) for one in error.errors() if not left_out & _named(dict(one))]
        yield from found
        wrong = {name for one in found for name in _named(one)} & set(rest)
        if not wrong:
            return
        left_out |= wrong
        rest = {name: value for name, value in rest.items() if name not in wrong}


def _named(error: dict[str, Any]) -> set[str]:
    """The settings that an error is about: where it is, or those that its rule names."""
    return {str(error["loc"][0])} if error["loc"] else set(re.findall(r"\w+", error["msg"]))


def faults(raw: RawParams, groups: Mapping[str, str]) -> list[str]:
    """Everything that is wrong with the blocks of a pipeline; `groups` gives each block's group."""
    found = [*_unknown_blocks(raw, groups)]
    checks: list[Callable[[], object]] = [partial(setting, raw, name) for name in SETTINGS[:2]]
    checks.append(partial(instruction_set, raw))
    for block, group in groups.items():
        checks.append(partial(_chosen, raw, block, group))
        checks += [partial(_parse_candidate, raw, block, group, kind) for kind in candidates(raw, block)]
    for check in checks:
        try:
            check()
        except (ParamsError, PluginError) as error:
            found += str(error).splitlines()
    return list(dict.fromkeys(found))


def candidates(raw: RawParams, block: str) -> list[str]:
    """The kinds that have a sub-block in a block."""
    chosen = raw.get(block)
    return [name for name in chosen if name != "kind"] if isinstance(chosen, dict) else []


def _chosen(raw: RawParams, block: str, group: str) -> None:
    inner_kind(raw, block, group, fold(raw, block, group))


def _parse_candidate(raw: RawParams, block: str, group: str, kind: str) -> Spec:
    if moved := _moved(raw, block, group, kind):
        raise ParamsError(moved)
    if kind not in installed().get(group, {}):
        raise ParamsError(_misplaced(raw, block, group, kind))
    return parse(find(group, kind, at=f"{block}.kind").spec, raw[block][kind], f"{block}.{kind}")


def _misplaced(raw: RawParams, block: str, group: str, name: str) -> str:
    """What is wrong with what stands in a block and is no kind: a setting that belongs in the sub-block, mostly."""
    chosen = raw[block].get("kind")
    if chosen in installed().get(group, {}) and name in find(group, chosen).spec.model_fields:
        return (
            f"{block}.{name}: settings stand in the sub-block of their kind, got {raw[block][name]!r} beside it. Move "
            f"it to {block}.{chosen}.{name}."
        )
    near = nearest(name, ["kind", *installed().get(group, {})])
    return f"{block}.{name}: must be the settings of a registered kind of {group}, got the name {name!r}. {near}"


def _moved(raw: RawParams, block: str, group: str, kind: str) -> str:
    """What a block of before formats were a part of their own is written as now, or nothing."""
    if group != "dataset" or kind in installed()["dataset"] or kind not in installed()["format"]:
        return ""
    settings = dict(raw[block].get(kind) or {})
    kept = {"path": settings.pop("path", "PATH"), **{name: settings.pop(name) for name in _WANTED if name in settings}}
    blocks = {block: {"kind": "file", "file": kept}, "format": {"kind": kind, kind: settings}}
    shown = "; ".join(f"{name}: {json.dumps(value, default=str)}" for name, value in blocks.items())
    return f"{block}.kind: {kind} is a kind of format now, which stages.dataset takes after the block. Write {shown}."


def _unknown_blocks(raw: RawParams, groups: Iterable[str]) -> list[str]:
    known = [*groups, *SETTINGS]
    return [
        f"{name}: the pipeline uses no such block. {nearest(str(name), known)} If it isn't needed, leave it out."
        for name in raw
        if name not in known
    ]


def _place(location: Sequence[Any]) -> Iterator[str]:
    """The names of the settings on the way; a space that is told by its `kind` adds that, which isn't one."""
    for part, before in zip(location, (None, *location), strict=False):
        if not (part in _SPACES and before in ("observation", "action")):
            yield str(part)


def _known(specs: Sequence[type[BaseModel]], location: Sequence[Any]) -> set[str]:
    """The settings that there are where a setting isn't one: those of the specs, or of what lies in them."""
    for part in location[:-1]:
        within = [one for spec in specs if part in spec.model_fields for one in _models(spec.model_fields[part])]
        tagged = [spec for spec in specs if "kind" in spec.model_fields and spec.model_fields["kind"].default == part]
        specs = within or tagged or specs
    return {name for spec in specs for name in spec.model_fields} - {"kind"}


def _models(field: FieldInfo) -> Iterator[type[BaseModel]]:
    """What may stand in a setting, alone or one of several, and has settings of its own."""
    waiting: list[Any] = [field.annotation]
    while waiting:
        hint = waiting.pop()
        waiting += get_args(hint)
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            yield hint


def _explained(
    specs: Sequence[type[BaseModel]], path: str, settings: dict[str, Any], errors: Iterable[dict[str, Any]]
) -> Iterator[str]:
    """Each error; of a setting of one of several types one, in place of what pydantic says of each of these types."""
    told = set()
    for error in errors:
        if error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]:
            continue  # an item is wrong, which is said of it
        found = None if error["type"] in ("extra_forbidden", "missing") else union_at(specs, error["loc"])
        if found is None or error["type"] == "value_error":
            yield _explain(specs, path, error)
            continue
        depth, hint = found
        location = tuple(error["loc"][:depth])
        given = _at(settings, location)
        if isinstance(given, list) and takes_list(hint):
            if len(error["loc"]) > depth + 1:  # of an item; that it is none of the other types needn't be said
                yield _explain(specs, path, {**error, "loc": (*location, *error["loc"][depth + 1 :])})
            elif error["type"] in ("too_short", "too_long"):
                yield _explain(specs, path, {**error, "loc": location})
        elif location not in told:
            told.add(location)
            yield _explain_union(".".join([path, *map(str, location)]), hint, given)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _explain_union(where: str, hint: Any, given: Any) -> str:
    names = [name for one in members(hint) if get_origin(one) is Literal for name in get_args(one)]
    near = f" {nearest(given, names)}" if isinstance(given, str) and names else ""
    return f"{where}: must be {wanted(hint)}, got {given!r}.{near}"


def _at(settings: Any, location: Sequence[Any]) -> Any:
    for part in location:
        settings = settings[part]
    return settings


def _explain(specs: Sequence[type[BaseModel]], path: str, error: dict[str, Any]) -> str:
    where = ".".join([path, *_place(error["loc"])])
    if error["type"] == "extra_forbidden":
        name = str(error["loc"][-1])
        return f"{where}: there is no such setting. {nearest(name, _known(specs, error['loc']))}"
    if error["type"] == "missing":
        return f"{where}: this setting is required. Add it."
    rule, choice = rule_of(error), ""
    expected = str((error.get("ctx") or {}).get("expected"))
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        choice = " " + nearest(error["input"], [one.strip("' ") for one in expected.replace(" or ", ",").split(",")])
    elif isinstance(error["input"], str) and rule in ("a number", "a whole number") and _is_number(error["input"]):
        choice = " Write it without quotes."
    elif rule == "a list" and len(error["loc"]) == 1 and not isinstance(error["input"], dict):
        choice = f" Write it in brackets: [{error['input']}]."
    prefix = "" if error["type"] == "value_error" else "must be "
    got = "" if isinstance(error["input"], dict) else f", got {error['input']!r}"  # settings together: the rule says it
    return f"{where}: {prefix}{rule}{got}.{choice}"
