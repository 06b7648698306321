"""Every check of what trains fails for a component that breaks its rule, and passes for the same one unbroken."""

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial
from pydantic import PositiveFloat, PositiveInt

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.training import Loss, Training
from ilkit.errors import IlkitError
from ilkit.registry.find import Component
from ilkit.spec import Spec
from ilkit.testing import answer_checks, data_checks, purity_checks, training_checks
from ilkit.testing.arguments import Options
from ilkit.testing.problems import TrackingExpert, spaces
from ilkit.testing.subject import Subject

pytestmark = pytest.mark.bits

COUNTER = itertools.count(1)


class Toy(Spec):
    """A gain, fitted by gradient descent."""

    kind: Literal["toy"] = "toy"
    rate: PositiveFloat = 0.5
    """The step size."""
    num_steps: PositiveInt = 60
    """Gradient steps."""
    num_seeds: PositiveInt = 1
    """Training runs."""


def imitate(spec, policy, demos, *, key) -> Training[Policy]:
    return Training(start(key), Partial(step, spec, demos.transitions()), Partial(finish), spec.num_steps)


def start(key):
    return {"gain": jax.random.normal(key, (2, 2))}


def step(spec, transitions, state, key):
    obs = transitions.before()
    error = (obs @ state["gain"].T - transitions.actions) * transitions.counted[:, None]
    gradient = error.T @ obs / transitions.num_counted
    noise = 1e-3 * jax.random.normal(key, (2, 2))
    return {"gain": state["gain"] - spec.rate * gradient + noise}, Loss(jnp.mean(error**2))


def finish(state):
    return TrackingExpert(gain=state["gain"], normalizer=Normalizer.identity(2), spaces=spaces("continuous"))


class Homeless(TrackingExpert):
    """A policy of a module that no entry point names, which therefore can't be loaded."""


def with_start(make: Callable[..., Any]) -> Callable[..., Any]:
    return changed(lambda spec, demos, key: {"state": make(key)})


def with_step(broken: Callable[..., Any]) -> Callable[..., Any]:
    return changed(lambda spec, demos, key: {"step": Partial(broken, spec, demos.transitions())})


def with_finish(broken: Callable[..., Any]) -> Callable[..., Any]:
    return changed(lambda spec, demos, key: {"finish": Partial(broken)})


def changed(change: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    """The unbroken component, with some fields of its training run replaced."""

    def broken(spec, policy, demos, *, key) -> Training[Policy]:
        good = imitate(spec, policy, demos, key=key)
        fields = {name: getattr(good, name) for name in ("state", "step", "finish", "num_steps")}
        return Training(**fields | change(spec, demos, key))

    return broken


def draws_nothing(spec, policy, demos, *, key) -> Training[Policy]:
    return Training(
        {"gain": jnp.zeros((2, 2))},
        Partial(lambda spec, rows, state, key: step(spec, rows, state, jax.random.key(0)), spec, demos.transitions()),
        Partial(finish),
        spec.num_steps,
    )


def writes_into_its_input(spec, policy, demos, *, key) -> Training[Policy]:
    demos.obs[0] += 1.0
    return imitate(spec, policy, demos, key=key)


def notices_compilation(spec, transitions, state, key):
    state, info = step(spec, transitions, state, key)
    return jax.tree.map(lambda leaf: leaf * (1.0 if isinstance(leaf, jax.core.Tracer) else 2.0), state), info


def counts_calls(spec, transitions, state, key):
    state, info = step(spec, transitions, state, key)
    calls = jax.pure_callback(
        lambda _: np.float32(next(COUNTER)),
        jax.ShapeDtypeStruct((), jnp.float32),
        info.loss,
        vmap_method="sequential",
    )
    return {"gain": state["gain"] + 1e-3 * calls}, info


def draws_from_the_padding(spec, transitions, state, key):
    return step(spec, transitions._replace(count=jnp.asarray(transitions.capacity)), state, key)


def learns_from_all(spec, transitions, state, key):
    return step(spec, transitions._replace(weights=None), state, key)


def biased(spec, transitions, bias, state, key):
    return step(spec, transitions, {"gain": state["gain"] + bias}, key)


BROKEN = {
    purity_checks.same_key_same_output: (
        with_start(lambda key: start(jax.random.fold_in(key, next(COUNTER)))),
        "two calls differ",
    ),
    purity_checks.different_key_different_output: (draws_nothing, "Another key must give another outcome"),
    purity_checks.inputs_unchanged: (writes_into_its_input, "No argument may be changed"),
    purity_checks.finite: (with_finish(lambda state: finish({"gain": state["gain"] * jnp.nan})), "must be finite"),
    purity_checks.artifact_round_trips: (
        with_finish(lambda state: Homeless(state["gain"], Normalizer.identity(2), spaces("continuous"))),
        "Homeless",
    ),
    training_checks.step_jits: (with_step(notices_compilation), "what an eager one gives"),
    training_checks.step_is_traced_once: (
        changed(
            lambda spec, demos, key: {"step": lambda state, key: step(spec, demos.transitions(), state, key)},
        ),
        "traced again for another key",
    ),
    training_checks.seeds_train_together: (
        changed(
            lambda spec, demos, key: {
                "step": Partial(biased, spec, demos.transitions(), jax.random.normal(key, (2, 2)))
            }
        ),
        "must not differ between seeds",
    ),
    training_checks.chunks_change_no_bit: (
        changed(
            lambda spec, demos, key: {
                "step": Partial(counts_calls, spec, demos.transitions()),
            }
        ),
        "Chunks of 1 must give the bits",
    ),
    data_checks.padding_changes_no_bit: (with_step(draws_from_the_padding), "rows behind the last step"),
    data_checks.what_counts_nothing_changes_no_bit: (with_step(learns_from_all), "Steps of weight 0"),
    answer_checks.recovers_the_expert: (
        with_step(lambda spec, rows, state, key: (state, Loss(jnp.zeros(())))),
        "actions must be learnt",
    ),
}


def subject(function: Callable[..., Any]) -> Subject:
    return Subject(Component("imitate", "toy", function, Toy), Options())


@cache
def unbroken() -> Subject:
    return subject(imitate)


@pytest.mark.parametrize("check", BROKEN, ids=lambda check: check.__name__)
def test_what_breaks_a_rule_fails(check: Callable[[Subject], None]) -> None:
    broken, said = BROKEN[check]
    check(unbroken())
    with pytest.raises((AssertionError, IlkitError), match=said):
        check(subject(broken))


def test_what_says_that_it_draws_nothing_must_not_draw() -> None:
    purity_checks.any_key_same_output(subject(draws_nothing))
    with pytest.raises(AssertionError, match="must not use its key"):
        purity_checks.any_key_same_output(unbroken())


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda state: {"gain": state["gain"] * 1.0, "calls": jnp.asarray(0.0, jnp.float32)}, "a second step"),
        (lambda state: {"gain": state["gain"].astype(jnp.bfloat16)}, "a second step"),
    ],
    ids=["weak type", "type"],
)
def test_a_state_that_changes_its_types_fails(broken: Callable[..., Any], said: str) -> None:
    def component(spec, policy, demos, *, key) -> Training[Policy]:
        def changing(spec, rows, state, key):
            return broken(state), Loss(jnp.zeros(()))

        state = {"gain": jnp.zeros((2, 2)), **({"calls": 0.0} if "calls" in broken(start(key)) else {})}
        return Training(state, Partial(changing, spec, demos.transitions()), Partial(finish), spec.num_steps)

    with pytest.raises(AssertionError, match=said):
        training_checks.step_is_traced_once(subject(component))
