"""What is tested: a component with the settings and the arguments that it gets."""

from collections.abc import Mapping
from typing import Any, get_origin

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, PRNGKeyArray, PyTree

from ilkit.data.seeds import Learnt, Seeds
from ilkit.data.training import Training
from ilkit.registry.find import Component, declarations
from ilkit.running import loop
from ilkit.spec import Spec
from ilkit.testing import arguments
from ilkit.testing.arguments import Options


class Subject:
    """A component with its spec and its arguments.

    All checks share one subject, and outcomes are kept: compiling and training is what takes time.
    """

    def __init__(self, component: Component, options: Options) -> None:
        self.component = component
        self.options = options
        self.declaration = declarations()[component.block]
        self.spec = arguments.small_spec(component.spec, options.settings)
        self.has_key = arguments.has_key(component.block)
        self.trains = get_origin(component.returns) is Training
        self._outcomes: dict[tuple[int, int], Any] = {}

    def make(self, seed: int = 0, *, variant: int = 0, spec: Spec | None = None) -> Any:
        """Calls the component with new arguments."""
        return self.call(self.positional(variant), self.named(variant), seed=seed, spec=spec)

    def call(
        self, positional: tuple[Any, ...], named: dict[str, Any], *, seed: int = 0, spec: Spec | None = None
    ) -> Any:
        """Calls the component with these arguments."""
        key = {"key": jax.random.key(seed)} if self.has_key else {}
        return self.component.function(spec or self.spec, *positional, **named, **key)

    def positional(self, variant: int = 0) -> tuple[Any, ...]:
        """The arguments after the spec; another variant has other values of equal shapes."""
        return arguments.positional(self.component, self.options, variant)

    def argument(self, name: str) -> Any:
        """The argument of this name."""
        return arguments.argument(self.component.block, name, self.options)

    def named(self, variant: int = 0) -> dict[str, Any]:
        """The policies that are passed by name."""
        return arguments.named(self.component.block, self.options, variant)

    def prepare(
        self, seed: int = 0, *, variant: int = 0, spec: Spec | None = None, num_seeds: int = 1
    ) -> tuple[Training[Any], Key[Array, "..."]]:
        """Makes a training run as the runner does; each seed learns from a policy and an uncertainty of its own."""
        return self._prepare([self.positional(variant + other) for other in range(num_seeds)], seed, spec)

    def train(self, seed: int = 0, *, variant: int = 0, chunk_size: int | None = None) -> Seeds[Any]:
        """Trains to the end, in one chunk or in chunks of a size."""
        return _run(*self.prepare(seed, variant=variant), 1, chunk_size)

    def first_step(self, num_seeds: int = 1) -> tuple[Training[Any], loop.Progress]:
        """A training run, and its progress after the first step, if there is one, as the loop takes it."""
        training, step_key = self.prepare(num_seeds=num_seeds)
        progress = loop.start(training, num_seeds)
        steps = loop.advance(training, progress, key=step_key, num_seeds=num_seeds, chunk_size=1)
        return training, next(steps, progress)

    def train_on(self, positional: tuple[Any, ...]) -> Seeds[Any]:
        """Trains to the end on these arguments."""
        return _run(*self._prepare([positional], 0, None), 1, None)

    def outcome(self, seed: int = 0, *, variant: int = 0) -> Any:
        """What the component returns for a key, trained to the end where it trains; computed once."""
        if (seed, variant) not in self._outcomes:
            make = self.train if self.trains else self.make
            self._outcomes[seed, variant] = make(seed, variant=variant)
        return self._outcomes[seed, variant]

    def artifacts(self) -> Mapping[str | None, Any]:
        """The outcome, or the artifacts that it holds by the names of their fields, as the runner stores them."""
        outcome = self.outcome()
        if not self.declaration.makes_several:
            return {None: outcome}
        if not isinstance(outcome, Seeds):
            return outcome._asdict()
        stacked = outcome.stacked._asdict()
        return {name: Seeds(one, outcome.curves, len(outcome)) for name, one in stacked.items()}

    def learnt(self, seed: int = 0) -> Any:
        """The policy, uncertainty or part that the outcome is or holds."""
        outcome = self.outcome(seed)
        return outcome[0] if isinstance(outcome, Seeds) else outcome

    def _prepare(
        self, by_seed: list[tuple[Any, ...]], seed: int, spec: Spec | None
    ) -> tuple[Training[Any], Key[Array, "..."]]:
        shared = by_seed[0]
        learnt = [index for index, argument in enumerate(shared) if isinstance(argument, Learnt)]
        own = tuple(jax.tree.map(_stack, *(positional[index] for positional in by_seed)) for index in learnt)

        def make(*own: PyTree, key: PRNGKeyArray) -> Training[Any]:
            positional = list(shared)
            for index, argument in zip(learnt, own, strict=True):
                positional[index] = argument
            training: Training[Any] = self.component.function(spec or self.spec, *positional, key=key)
            return training

        return loop.prepare(make, own, key=jax.random.key(seed), num_seeds=len(by_seed))


def _run(training: Training[Any], key: Key[Array, "..."], num_seeds: int, chunk_size: int | None) -> Seeds[Any]:
    return loop.drive(training, key, num_seeds, chunk_size=chunk_size or training.num_steps)


def _stack(*leaves: Any) -> Any:
    return jnp.stack(leaves) if eqx.is_array(leaves[0]) else leaves[0]
