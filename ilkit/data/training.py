"""What a learning stage returns: a training run that somebody else drives."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import equinox as eqx
from jaxtyping import Array, Float, PyTree

from ilkit.errors import DataError

T = TypeVar("T", covariant=True)


class Loss(NamedTuple):
    """What a step of supervised learning tells."""

    loss: Float[Array, ""]


def names_of(info: Any) -> tuple[str, ...]:
    """The names of the learning curves that an info, or its type, makes: of its fields, `return_` as `return`.

    Those of a field that is an info itself stand in its place.

    **Raises:** `DataError` where it is no named tuple.
    """
    if not hasattr(info, "_fields"):
        raise DataError(f"Training.step must return its info as a NamedTuple of scalars, got {type(info).__name__}.")
    inside = {name: hint for name, hint in info.__annotations__.items() if hasattr(hint, "_fields")}
    own = [names_of(inside[name]) if name in inside else (name.rstrip("_"),) for name in info._fields]
    return tuple(name for names in own for name in names)


class Training(eqx.Module, Generic[T]):
    """An initial state, a pure step and a finish; the runner owns the loop between them.

    `step` and `finish` are pytrees themselves: `jax.tree_util.Partial(step, spec, transitions)` around a function of
    the module makes data and numeric settings arguments of the compiled step, where a closure would make them
    constants of it and recompile with every change. What the key draws belongs into `state`, which has a leading
    axis when several seeds train at once; `step` and `finish` are shared by the seeds.
    """

    state: PyTree
    """The initial state, a pytree of arrays."""
    step: Callable[[PyTree, Any], tuple[PyTree, Any]]
    """`step(state, key) -> (state, info)`, pure; `info` is a named tuple of floating-point scalars, and of such
    named tuples, that must stay finite."""
    finish: Callable[[PyTree], T]
    """Turns the last state into what was learnt."""
    num_steps: int = eqx.field(static=True)
    """How often `step` is applied; 0 where there is nothing to learn, and then no learning curve."""
    env_steps_per_step: int = eqx.field(static=True, default=0)
    """How many steps of the environment one `step` takes; 0 where it takes none. The unit of the learning curve."""
    gather: Callable[[PyTree, Any], PyTree] | None = None
    """`gather(state, key) -> state`, called on the host before every step, for what leaves the device: environments on
    the host, an expert, a person. State and key have their leading seed axis. It brings what lives outside to where the
    state is, whichever that is, so that a run that was killed goes on. None where the state is all."""
    info_names: tuple[str, ...] = eqx.field(static=True, default=())
    """`names_of` the info; found by tracing where they aren't given."""
    num_snapshots: int = eqx.field(static=True, default=0)
    """How many of what is learnt are kept before the end: that of the start, and those between equal parts of it."""
