"""Every check of labelers and of questions fails for one that breaks its rule."""

from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import PositiveInt

from ilkit.asking.questions import ask
from ilkit.asking.stretches import stretches_of
from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.labeler import Answers, Labeler, pair_keys
from ilkit.data.preferences import Preferences, join_pairs
from ilkit.registry.find import Component
from ilkit.spec import Spec
from ilkit.testing import preference_checks, problems, stand_ins
from ilkit.testing.arguments import Options
from ilkit.testing.subject import Subject

pytestmark = pytest.mark.bits


class Toy(Spec):
    """A kind."""

    kind: Literal["toy"] = "toy"
    num_pairs: PositiveInt = 8
    """Questions."""


class Guess(Labeler):
    """Says what it draws."""

    scale: float
    alike: bool

    def answers(self, first, second, numbers, *, key) -> Answers:
        keys = jax.random.split(key, len(numbers)) if self.alike else pair_keys(numbers, key=key)
        drawn = self.scale * jax.vmap(jax.random.uniform)(keys)
        return Answers(drawn, jnp.ones(drawn.shape, bool))


def labeler(scale: float = 1.0, alike: bool = False) -> Callable[..., Any]:
    def component(spec) -> Labeler:
        return Guess(scale, alike)

    return component


def prefer(joined: bool = False, changed: bool = False, forgotten: bool = False) -> Callable[..., Any]:
    def component(spec, labeler, demos, earlier: Preferences | None = None, *, key) -> Preferences:
        numbers = np.arange(spec.num_pairs) + (spec.num_pairs if joined else 0)
        pairs = np.stack([numbers % 5, (numbers + 1) % 5], axis=1)
        made = ask(labeler(), demos, stretches_of(demos, None, at=""), pairs, None, key=key)
        if changed:
            moved = made.second.obs + np.float32(0.1)
            made = eqx.tree_at(lambda tree: tree.second.obs, made, moved)
        kept = eqx.tree_at(lambda tree: tree.probability, earlier, 1 - earlier.probability) if forgotten else earlier
        return join_pairs([kept, made])

    return component


def comparisons(unfit: bool = False, ordered: bool = False) -> Callable[..., Any]:
    def component(spec, env: Build[Environment | HostEnvironment] | None = None, *, key) -> Preferences:
        made = stand_ins.preferences(problems.environment("discrete" if unfit else "continuous")(), 20)
        return Preferences(made.chosen(), made.rejected(), np.ones(20, np.float32)) if ordered else made

    return component


BROKEN = [
    (preference_checks.pairs_fit_the_environment, "comparisons", comparisons(), comparisons(True), "those of the env"),
    (preference_checks.order_says_nothing, "comparisons", comparisons(), comparisons(ordered=True), "always the same"),
    (preference_checks.answers_are_probabilities, "labeler", labeler(), labeler(2.0), "must be in"),
    (
        preference_checks.other_pairs_change_no_answer,
        "labeler",
        labeler(),
        labeler(alike=True),
        "the pair and its number",
    ),
    (preference_checks.clips_are_of_the_demonstrations, "prefer", prefer(), prefer(changed=True), "be a stretch"),
    (preference_checks.clips_are_of_the_demonstrations, "prefer", prefer(), prefer(forgotten=True), "stay as they are"),
    (
        preference_checks.more_questions_change_no_earlier_one,
        "prefer",
        prefer(),
        prefer(joined=True),
        "none of the earlier",
    ),
]


@pytest.mark.parametrize(("check", "block", "good", "broken", "said"), BROKEN)
def test_what_breaks_a_rule_fails(
    check: Callable[[Subject], None], block: str, good: Callable[..., Any], broken: Callable[..., Any], said: str
) -> None:
    check(Subject(Component(block, "toy", good, Toy), Options()))
    with pytest.raises(AssertionError, match=said):
        check(Subject(Component(block, "toy", broken, Toy), Options()))
