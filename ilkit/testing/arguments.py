"""The arguments that a component is tested with, by the types of its declaration."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, get_args, get_origin

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray
from pydantic import BaseModel, ConfigDict, ValidationError

from ilkit.data.aggregate import Aggregate
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.preferences import Preferences
from ilkit.data.reward import Reward
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Space, Spaces
from ilkit.data.uncertainty import Uncertainty
from ilkit.declaration import type_name
from ilkit.errors import DataError
from ilkit.interaction.aggregation import begin
from ilkit.registry.find import Component, declarations, find
from ilkit.registry.params import parse
from ilkit.spec import Spec
from ilkit.testing import problems, stand_ins

Settings = Mapping[str, Any]

_APART = 50
"""How far the variants of two arguments of one type are apart."""

_SMALL: Settings = {
    **{"batch_size": 32, "num_envs": 8, "num_episodes": 8, "num_members": 4, "num_steps": 400},
    **{"num_rounds": 2, "num_gradient_steps": 400, "num_validation_episodes": 2},
}


class Options(BaseModel):
    """What a test may choose; see `ilkit.testing.checks`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: Settings = {}
    parts: Mapping[str, Settings] = {}
    actions: problems.Actions = "continuous"
    draws: bool = True
    observation_shape: tuple[int, ...] = (2,)
    arguments: Mapping[type, Callable[[int], Any]] = {}


def small_spec(found: type[Spec], settings: Settings) -> Spec:
    """The spec with these settings, and with counts that are no larger than a check needs."""
    counts = {}
    for name, count in _SMALL.items():
        field = found.model_fields.get(name)
        if field is not None and isinstance(field.default, int) and field.default > count:
            counts[name] = count
    return parse(found, counts | dict(settings), "settings")


def single_settings(spec: Spec) -> Iterator[Spec]:
    """The spec with one number changed a little, for each number that may be changed."""
    for name, value in spec:
        for other in (value * 0.9, value * 1.1, value + 0.01) if isinstance(value, float) else ():
            try:
                changed = type(spec).model_validate(spec.model_dump() | {name: other})
            except ValidationError:
                continue
            if changed != spec:
                yield changed
                break


def other_settings(spec: Spec) -> Spec:
    """The spec with every number changed a little."""
    changes = [
        {name: value for name, value in changed if value != getattr(spec, name)} for changed in single_settings(spec)
    ]
    return spec.model_copy(update={name: value for change in changes for name, value in change.items()})


def part(block: str, options: Options) -> Build[Any]:
    """A part, chosen but not yet built: what the test has chosen, or what goes with the tracking problem."""
    if block not in options.parts and block in ("env", "exploration"):
        return problems.environment(options.actions) if block == "env" else stand_ins.exploration()
    head = "categorical" if options.actions == "discrete" else "gaussian"
    defaults: dict[str, Settings] = {
        "format": {"kind": "npz"},
        "labeler": {"kind": "simulated"},
        "network": {"kind": "mlp", "hidden": [16]},
        "policy": {"kind": head},
    }
    settings = options.parts.get(block) or defaults[block]
    component = find(block, settings["kind"])
    spec = parse(component.spec, {name: value for name, value in settings.items() if name != "kind"}, f"parts.{block}")
    parts = tuple(part(name, options) for name in declarations()[block].parts)
    return component.build(spec, parts, _inner(block, dict(spec)) if component.wraps else None)


def _inner(block: str, settings: Settings) -> Build[Any]:
    """The kind that a wrapper's setting `inner` names, with its default settings."""
    inner = find(block, settings.get("inner", "mlp" if block == "network" else "gaussian"))
    parts = tuple(part(name, Options()) for name in declarations()[block].parts)
    return inner.build(inner.spec(), parts)


def positional(component: Component, options: Options, variant: int = 0) -> tuple[Any, ...]:
    """The arguments after the spec that a component takes; another variant has other values of equal shapes."""
    declaration, taken = declarations()[component.block], inspect.signature(component.function).parameters
    names = [name for name in declaration.arguments if name in taken or name not in declaration.optional]
    return tuple(argument(component.block, name, options, variant) for name in names)


def argument(block: str, name: str, options: Options, variant: int = 0) -> Any:
    """The argument of this name: a part by its name, all else by its type."""
    hints = declarations()[block].arguments
    if name == declarations()[block].wrapped:
        return _inner(block, options.settings)
    if get_origin(hints[name]) is Build:
        return part(name, options)
    earlier = list(hints.values())[: list(hints).index(name)]
    variant += _APART * earlier.count(hints[name])  # two arguments of one type differ
    return _of_type(block, name, hints[name], options, variant)


def named(block: str, options: Options, variant: int = 0) -> dict[str, Any]:
    """What is passed by any other name, where the block is declared so: two recordings, or one policy, `cloned`."""
    hints = declarations()[block].others
    if not hints:
        return {}
    names = ("first", "second") if hints == (Demonstrations,) else ("cloned",)
    return {
        name: _of_type(block, name, hints[0], options, variant + _APART * place) for place, name in enumerate(names)
    }


def has_key(block: str) -> bool:
    """Whether the components of a block take a key."""
    return declarations()[block].takes_key


def _of_type(block: str, name: str, hint: Any, options: Options, variant: int) -> Any:
    if get_origin(hint) is Seeds:
        return _seeds(_of_type(block, name, get_args(hint)[0], options, variant))
    env = part("env", options)
    makers: dict[Any, Callable[[], Any]] = {
        int: lambda: 2,
        get_args(Space)[0]: lambda: Box(shape=options.observation_shape, low=-1.0, high=1.0),
        Spaces: lambda: env().spaces,
        Policy: lambda: _untrained(
            part("policy", options), _spaces_of_policies(block, env(), options), jax.random.key(100 + variant)
        ),
        Uncertainty: lambda: stand_ins.known_uncertainty(
            part("env", options)().spaces.action.size, 0.01 * (1 + variant)
        ),
        Reward: lambda: stand_ins.known_reward(options.actions, 1.0 + 0.1 * variant),
        Demonstrations: lambda: _demonstrations(block, env(), options, variant),
        Preferences: lambda: stand_ins.preferences(env(), (20 if block == "prefer" else 100) + 5 * variant),
        Aggregate: lambda: begin(_demonstrations(block, env(), options, variant), 0, 1, key=jax.random.key(0)),
        **{given: partial(make, variant) for given, make in options.arguments.items()},
    }
    if hint not in makers:
        raise DataError(
            f"The kit makes no {type_name(hint)}, which {block} takes as {name}. "
            f"Say how: checks(..., arguments={{{type_name(hint)}: function of a whole number}})."
        )
    return makers[hint]()


def _spaces_of_policies(block: str, env: Any, options: Options) -> Spaces:
    """Those of the environment; of what knows many tasks, where one of them is to be fixed."""
    known: Spaces = env.spaces
    return problems.spaces_of_tasks(options.actions) if block == "condition" and "env" not in options.parts else known


def _demonstrations(block: str, env: Any, options: Options, variant: int) -> Demonstrations:
    num_episodes = 20 + 5 * variant  # all have between 129 and 256 steps, so one capacity
    if "env" in options.parts or block == "prefer":  # where the expert's rewards are all 0, no clip is better
        return stand_ins.wandering(env, num_episodes)
    off = 0.05 if block == "finetune" else 0.0  # reinforcement learns from rewards, and the expert's are all 0
    left = declarations()[block].makes is Uncertainty
    return problems.demonstrations(num_episodes, options.actions, left=left, off=off)


@eqx.filter_jit
def _untrained(policy: Build[Policy], spaces: Spaces, key: PRNGKeyArray) -> Policy:
    return policy(spaces, key=key)


def _seeds(value: Any) -> Seeds[Any]:
    """Two equal seeds."""
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]) if eqx.is_array(leaf) else leaf, value)
    return Seeds(stacked, {"step": np.arange(1, 3), "loss": np.ones((2, 2), np.float32)}, 2)
