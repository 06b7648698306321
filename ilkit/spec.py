"""Specs: the typed settings of components."""

from collections.abc import Collection, Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

import jax
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema, model_validator

Plain = bool | int | float | str | None
"""What a setting of a foreign library may be."""


def _pairs(kwargs: Any) -> Any:
    return tuple(sorted(kwargs.items())) if isinstance(kwargs, dict) else kwargs


Kwargs = Annotated[
    tuple[tuple[str, Plain], ...],
    BeforeValidator(_pairs),
    PlainSerializer(dict),
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"type": ["boolean", "integer", "number", "string", "null"]}}
    ),
]
"""Arguments of something of a foreign library, by name; a mapping in `params.yaml`."""


MADE_LATER = "made later"
"""Marks a path that needn't be there before a run, in `Annotated[Path, MADE_LATER]`."""

_SMALLEST, _LARGEST = 1.1754944e-38, 3.4028235e38
"""The smallest and the largest normal number of 32 bits, which settings become."""
_LARGEST_WHOLE = 2**31 - 1


class Spec(BaseModel):
    """The settings of one component: frozen, hashable, without unknown fields.

    A spec is also a JAX pytree whose leaves are its floating-point fields. Numeric settings are therefore
    traced where a spec is an argument of a compiled function, and a sweep over them compiles once; every
    other field (counts, choices, sequences) is static.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    _traced: ClassVar[tuple[str, ...]] = ()
    _static: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls._traced = tuple(name for name, field in cls.model_fields.items() if _holds_float(field.annotation))
        cls._static = tuple(name for name in cls.model_fields if name not in cls._traced)
        jax.tree_util.register_pytree_node(cls, cls._flatten, cls._unflatten)

    @model_validator(mode="after")
    def _check_numbers(self) -> "Spec":
        for name, value in self:
            if isinstance(value, float) and value and not _SMALLEST <= abs(value) <= _LARGEST:
                raise ValueError(f"{name} must be 0 or a number of 32 bits ({_SMALLEST} to {_LARGEST}), got {value}")
            if type(value) is int and abs(value) > _LARGEST_WHOLE:
                raise ValueError(f"{name} must be below 2³¹, got {value}")
        return self

    def faults(self, world: Any) -> Iterable[str]:
        """What the settings break in an environment, as `setting: rule, got value`; nothing unless overridden."""
        del world
        return ()

    def idle(self) -> Mapping[str, str]:
        """The settings that have no effect beside the others, and where they would have one: `only where ...`.

        Nothing unless overridden. `ilkit check` says it of those that aren't at their defaults.
        """
        return {}

    def bytes_needed(self, world: Any) -> int:
        """How much memory the result takes in an environment, at most; 0 unless overridden."""
        del world
        return 0

    def policy_faults(self, policy: Any, parts: Mapping[str, Any]) -> Iterable[str]:
        """What a stage refuses of the policy that it trains, with its other parts; nothing unless overridden.

        The policy is an untrained one, whose arrays have shapes alone.
        """
        del policy, parts
        return ()

    def input_faults(self, given: Collection[str]) -> Iterable[str]:
        """What the settings need that isn't among the inputs that their stage is given; nothing unless overridden."""
        del given
        return ()

    def source_faults(self, sources: Mapping[str, Any]) -> Iterable[str]:
        """What the settings need of those of the stages whose artifacts their stage is handed, by the names of these;
        nothing unless overridden."""
        del sources
        return ()

    def longest_episode(self, world: Any) -> int | None:
        """The most steps of the episodes that a stage records in an environment; None where nobody knows before."""
        del world
        return None

    def length_faults(self, longest: int) -> Iterable[str]:
        """What the settings break where no episode that their stage is handed has more steps than `longest`; nothing
        unless overridden."""
        del longest
        return ()

    def recording_faults(self, spaces: Any) -> Iterable[str]:
        """What a stage refuses of demonstrations of these spaces; nothing unless overridden."""
        del spaces
        return ()

    @property
    def shares_starts(self) -> bool | None:
        """Whether several of the episodes that a stage records start alike, wherever they start; None where nobody
        knows before."""
        return None

    @property
    def needs_shared_starts(self) -> bool:
        """Whether a stage needs clips that start alike; not unless overridden."""
        return False

    @property
    def breaks_next_states(self) -> bool:
        """Whether what episodes observe is changed such that actions no longer lead to it; not unless overridden."""
        return False

    @property
    def needs_next_states(self) -> bool:
        """Whether a stage learns from where the actions of demonstrations led to; not unless overridden."""
        return False

    def _flatten(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return tuple(getattr(self, name) for name in self._traced), tuple(getattr(self, name) for name in self._static)

    @classmethod
    def _unflatten(cls, static: tuple[Any, ...], traced: tuple[Any, ...]) -> "Spec":
        fields = dict(zip(cls._static, static, strict=True)) | dict(zip(cls._traced, traced, strict=True))
        return cls.model_construct(**fields)


def _holds_float(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _holds_float(get_args(annotation)[0])
    return annotation is float or (
        get_origin(annotation) in (Union, UnionType) and any(_holds_float(choice) for choice in get_args(annotation))
    )
