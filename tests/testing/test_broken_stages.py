"""Every check of the other stages fails for one that breaks its rule; no check is left without such."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial
from pydantic import PositiveInt

from ilkit.data.aggregate import Interaction
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.format import Format
from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.data.tasks import TASK, put_together
from ilkit.data.training import Loss, Training
from ilkit.errors import ParamsError
from ilkit.interaction.aggregation import begin
from ilkit.nn.conditioned_policy import condition_seeds
from ilkit.registry.find import Component
from ilkit.spec import Spec
from ilkit.stepping.random_policy import RandomPolicy
from ilkit.testing import answer_checks, checks, data_checks, purity_checks, task_checks
from ilkit.testing.arguments import Options
from ilkit.testing.problems import demonstrations, tracking_expert
from ilkit.testing.subject import Subject

pytestmark = pytest.mark.bits

CHECKS = [import_module(f"ilkit.testing.{path.stem}") for path in Path(str(files("ilkit.testing"))).glob("*_checks.py")]


class Toy(Spec):
    """A stage."""

    kind: Literal["toy"] = "toy"
    num_steps: PositiveInt = 2
    """Steps, where it trains."""


def expert(share: float) -> Callable[..., Any]:
    def make(spec, env, *, key) -> Policy:
        return tracking_expert("continuous", share)

    return make


def random(spec, env, *, key) -> Policy:
    return RandomPolicy.of(env().spaces)


def wrapped(spec, env, *, key) -> Policy:
    return [tracking_expert("continuous")]


def recorded(**changes: Callable[[np.ndarray], np.ndarray]) -> Callable[..., Any]:
    """Episodes of the expert, with some of their arrays changed."""

    def component(spec, env, expert, *, key) -> Demonstrations:
        return edit(demonstrations(20, "continuous"), **changes)

    return component


def imported(**changes: Callable[[np.ndarray], np.ndarray]) -> Callable[..., Any]:
    """The same, read from a file."""

    def component(spec, format, env=None, *, key) -> Demonstrations:
        return edit(demonstrations(20, "continuous"), **changes)

    return component


def kept(**changes: Callable[[np.ndarray], np.ndarray]) -> Callable[..., Any]:
    """A format that keeps what it writes in memory."""

    def component(spec) -> Format:
        written: list[Demonstrations] = []
        return Format(lambda *_: edit(written[-1], **changes), lambda demos, path: written.append(demos))

    return component


def augmented(**changes: Callable[[np.ndarray], np.ndarray]) -> Callable[..., Any]:
    def component(spec, env, demos, *, key) -> Demonstrations:
        return edit(demos, **changes)

    return component


def edit(demos: Demonstrations, **changes: Callable[[np.ndarray], np.ndarray]) -> Demonstrations:
    arrays = [change(getattr(demos, name).copy()) for name, change in changes.items()]
    return eqx.tree_at(lambda tree: [getattr(tree, name) for name in changes], demos, arrays) if changes else demos


def joined(**changes: Callable[[np.ndarray], np.ndarray]) -> Callable[..., Any]:
    def component(spec, *, key, **demos) -> Demonstrations:
        return edit(concatenate(list(demos.values())), **changes)

    return component


def first(spec, *, key, **demos) -> Demonstrations:
    return demos["first"]


def told(*values: float) -> Callable[..., Any]:
    """Both recordings together, each with one of these values as its task."""

    def component(spec, *, key, **demos) -> Demonstrations:
        numbers = dict(zip(demos, values, strict=True))
        together = put_together(demos, Discrete(size=2), {name: (number,) for name, number in numbers.items()})
        tasks = together.spaces.tasks.model_copy(update={"values": (("first", (0.0,)), ("second", (1.0,)))})
        return replace(together, spaces=together.spaces.model_copy(update={"tasks": tasks}))

    return component


def conditioned(seeds: slice = slice(None), *, keep: bool = False) -> Callable[..., Any]:
    """The second task, of the seeds in this order; or what is given, as it is."""

    def component(spec, policy: Seeds[Policy]) -> Seeds[Policy]:
        if keep:
            return policy
        given = jax.tree.map(lambda leaf: leaf[seeds] if eqx.is_array(leaf) else leaf, policy.stacked)
        count = len(range(*seeds.indices(len(policy))))
        observation = policy.stacked.spaces.tasks.observation
        return condition_seeds(Seeds(given, policy.curves, count), observation, {TASK: np.array(1, np.int32)})

    return component


def fewer(spec, env, demos, *, key) -> Demonstrations:
    return demonstrations(10, "continuous")


def rescaled(spec, env, demos, *, key) -> Demonstrations:
    spaces = Spaces(observation=Box.symmetric((9.0, 9.0)), action=demos.spaces.action)
    return replace(demos, spaces=spaces)


def discrete(spec, format, env=None, *, key) -> Demonstrations:
    return demonstrations(20, "discrete")


def finetune(improves: bool) -> Callable[..., Any]:
    def component(spec, exploration, env, cloned, uncertainty, *, key) -> Training[Policy]:
        step = Partial(lambda state, key: (state, Loss(jnp.zeros(()))))
        learnt = tracking_expert("continuous") if improves else cloned
        return Training(learnt, step, Partial(lambda state: state), spec.num_steps)

    return component


def interact(share: float) -> Callable[..., Any]:
    def component(spec, policy, env, demos, expert, cloned, *, key) -> Training[Interaction]:
        learnt = Interaction(tracking_expert("continuous", share), begin(demos, 0, 1, key=key))
        step = Partial(lambda state, key: (state, Loss(jnp.zeros(()))))
        return Training(learnt, step, Partial(lambda state: state), spec.num_steps)

    return component


def evaluate(html: str = "<p>cloned", columns: tuple[int, int] = (2, 2)) -> Callable[..., Any]:
    def component(spec, env, expert, demos, uncertainty, *, key, **policies) -> Report:
        table = {"step": list(range(columns[0])), "loss": list(range(columns[1]))}
        return Report({"cloned": 1.0}, {"curve": table}, html)

    return component


def late(array: np.ndarray) -> np.ndarray:
    return array + np.float32(0.5)


def twice_the_last(array: np.ndarray) -> np.ndarray:
    array[-9:] *= 2
    return array


def far(array: np.ndarray) -> np.ndarray:
    return array * np.float32(1000.0)


def none(array: np.ndarray) -> np.ndarray:
    return np.zeros_like(array)


BROKEN = [
    (answer_checks.beats_random_actions, "expert", expert(1.0), random, "better than random"),
    (answer_checks.episodes_obey_the_environment, "rollout", recorded(), recorded(actions=late), "Rewards"),
    (answer_checks.episodes_obey_the_environment, "rollout", recorded(), recorded(obs=late), "next observation"),
    (answer_checks.episodes_obey_the_environment, "rollout", recorded(), recorded(terminated=none), "terminated"),
    (answer_checks.episodes_obey_the_environment, "rollout", recorded(), recorded(truncated=np.ones_like), "both"),
    (answer_checks.episodes_obey_the_environment, "rollout", recorded(), recorded(truncated=none), "both or neither"),
    (data_checks.actions_are_near_their_space, "rollout", recorded(), recorded(actions=far), "far outside"),
    (purity_checks.returns_what_it_declares, "expert", expert(1.0), wrapped, "must make Policy.*got list"),
    (
        answer_checks.demonstrations_fit_the_environment,
        "dataset",
        imported(),
        imported(actions=lambda array: array.astype(np.float64)),
        "must be float32",
    ),
    (answer_checks.demonstrations_fit_the_environment, "dataset", imported(), imported(truncated=np.ones_like), "both"),
    (answer_checks.demonstrations_fit_the_environment, "dataset", imported(), imported(lengths=none), "be empty"),
    (answer_checks.demonstrations_fit_the_environment, "dataset", imported(), discrete, "spaces must be those"),
    (answer_checks.reads_what_it_writes, "format", kept(), kept(rewards=late), "rewards must come back"),
    (answer_checks.no_recording_is_lost, "join", joined(), first, "none of 'second'"),
    (answer_checks.no_recording_is_lost, "join", joined(), joined(obs=twice_the_last), "one of those given"),
    (task_checks.tasks_are_told_apart, "join", told(0.0, 1.0), told(0.0, 0.0), "Every step of 'second' must be told 1"),
    (task_checks.every_seed_is_kept, "condition", conditioned(), conditioned(slice(0, 1)), "of 2 there are 1"),
    (
        task_checks.every_seed_is_kept,
        "condition",
        conditioned(),
        conditioned(slice(None, None, -1)),
        "number 0 differs",
    ),
    (task_checks.what_is_fixed_is_not_observed, "condition", conditioned(), conditioned(keep=True), "in one task"),
    (answer_checks.demonstrations_stay_valid, "augment", augmented(), fewer, "No episode may be lost"),
    (answer_checks.demonstrations_stay_valid, "augment", augmented(), rescaled, "spaces must stay"),
    (
        answer_checks.demonstrations_stay_valid,
        "augment",
        augmented(),
        augmented(actions=lambda array: array.astype(np.float16)),
        "must stay float32",
    ),
    (answer_checks.improves_the_policy, "finetune", finetune(True), finetune(False), "closer to the optimal"),
    (answer_checks.comes_near_the_expert, "interact", interact(1.0), interact(0.3), "must be learnt to an error"),
    (
        answer_checks.report_is_self_contained,
        "evaluate",
        evaluate(),
        evaluate("<p>cloned<script src='https://cdn.org/x.js'>"),
        "offline",
    ),
    (answer_checks.report_is_self_contained, "evaluate", evaluate(), evaluate(columns=(1, 2)), "equally long"),
    (answer_checks.report_names_every_policy, "evaluate", evaluate(), evaluate("<p>tuned"), "cloned"),
]


@pytest.mark.parametrize(("check", "block", "good", "broken", "said"), BROKEN)
def test_what_breaks_a_rule_fails(
    check: Callable[[Subject], None], block: str, good: Callable[..., Any], broken: Callable[..., Any], said: str
) -> None:
    check(subject(block, good))
    with pytest.raises(AssertionError, match=said):
        check(subject(block, broken))


def test_what_cannot_be_found_has_one_check_that_fails() -> None:
    (check,) = checks("imitate", "no_such_kind")
    assert str(check) == "imitate-no_such_kind-is_found"
    with pytest.raises(ParamsError, match="no_such_kind"):
        check()


def test_every_check_is_shown_to_fail() -> None:
    assert len(CHECKS) >= 8
    shown = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_broken_*.py"))
    for module in CHECKS:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if (
                function.__module__ == module.__name__
                and not name.startswith("_")
                and name not in ("checks_of", "expect_near")
            ):
                assert f"{module.__name__.split('.')[-1]}.{name}" in shown, name


def subject(block: str, function: Callable[..., Any]) -> Subject:
    return Subject(Component(block, "toy", function, Toy), Options())
