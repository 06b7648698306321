"""Every check of what learns from answers fails for what breaks its rule."""

from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax.numpy as jnp
import pytest
from jax.tree_util import Partial
from pydantic import PositiveInt

from ilkit.data.policy import Policy
from ilkit.data.preferences import Preferences
from ilkit.data.reward import Reward
from ilkit.data.training import Loss, Training
from ilkit.registry.find import Component
from ilkit.spec import Spec
from ilkit.testing import alignment_checks, problems, stand_ins
from ilkit.testing.arguments import Options
from ilkit.testing.subject import Subject

pytestmark = pytest.mark.bits


class Toy(Spec):
    """A kind."""

    kind: Literal["toy"] = "toy"
    num_steps: PositiveInt = 1
    """Steps."""


def step(state: Any, key: Any) -> tuple[Any, Loss]:
    return state, Loss(jnp.zeros(()))


def same(state: Any) -> Any:
    return state


def reward(scale: float = 1.0, padded: bool = False) -> Callable[..., Any]:
    """The true one, or the opposite of it; with `padded`, that of what stands in the padding as well."""

    def component(spec, network, preferences: Preferences, *, key) -> Training[Reward]:
        pairs = preferences.pairs()
        known = stand_ins.known_reward("continuous", scale)
        stained = known.scale + 1e-3 * jnp.sum(pairs.probability)
        made = eqx.tree_at(lambda reward: reward.scale, known, stained) if padded else known
        return Training(made, Partial(step), Partial(same), 1)

    return component


def align(share: float) -> Callable[..., Any]:
    def component(spec, reference: Policy, preferences: Preferences, *, key) -> Training[Policy]:
        return Training(problems.tracking_expert("continuous", share), Partial(step), Partial(same), 1)

    return component


BROKEN = [
    (alignment_checks.explains_the_answers, "reward", reward(), reward(-1.0), "larger for what is preferred"),
    (alignment_checks.padding_of_pairs_changes_no_bit, "reward", reward(), reward(padded=True), "must not matter"),
    (alignment_checks.comes_nearer_to_what_is_preferred, "align", align(1.0), align(-3.0), "closer to the optimal"),
]


@pytest.mark.parametrize(("check", "block", "good", "broken", "said"), BROKEN)
def test_what_breaks_a_rule_fails(
    check: Callable[[Subject], None], block: str, good: Callable[..., Any], broken: Callable[..., Any], said: str
) -> None:
    check(Subject(Component(block, "toy", good, Toy), Options()))
    with pytest.raises(AssertionError, match=said):
        check(Subject(Component(block, "toy", broken, Toy), Options()))
