"""Checks of who answers questions about pairs of clips, and of what is asked."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Bool

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.labeler import Answers, Labeler
from ilkit.data.preferences import Preferences
from ilkit.testing import stand_ins
from ilkit.testing.arguments import part
from ilkit.testing.comparison import difference, expect
from ilkit.testing.subject import Subject

_MORE = 3
"""How many questions are asked beyond the first ones."""


def answers_are_probabilities(subject: Subject) -> None:
    """Each pair gets a probability in [0, 1], and it is said whether it was answered."""
    answers = _asked(subject.learnt(), _questions(subject))
    probability = np.asarray(answers.probability)
    expect(probability.shape == (len(answers.answered),), "There must be one probability for each pair.")
    inside = ((probability >= 0) & (probability <= 1)).all()
    expect(inside, f"Probabilities must be in [0, 1], got {probability.min():g} to {probability.max():g}.")


def other_pairs_change_no_answer(subject: Subject) -> None:
    """An answer is the same whatever else is asked about."""
    labeler, questions = subject.learnt(), _questions(subject)
    alone = np.asarray([7])
    together, single = _asked(labeler, questions), _asked(labeler, questions.take(alone), alone)
    found = difference(Answers(*(column[alone] for column in together)), single)
    expect(
        not found,
        f"An answer must depend on the pair and its number alone, but other pairs change {found}. Draw with pair_keys.",
    )


def clips_are_of_the_demonstrations(subject: Subject) -> None:
    """Every clip is a stretch of one of the episodes, and what was asked earlier stands first, as it was."""
    demos, made = subject.argument("demos"), subject.outcome()
    earlier = _earlier(subject)
    asked = np.arange(0 if earlier is None else earlier.num_pairs, made.num_pairs)
    if earlier is not None:
        found = difference(made.take(np.arange(earlier.num_pairs)), earlier)
        expect(not found, f"Earlier answers must stay as they are, but {found} has changed.")
    expect(made.first.spaces == demos.spaces, f"The spaces must stay, got {made.first.spaces}.")
    for clips in (made.first.take(asked), made.second.take(asked)):
        known = _is_stretch(clips, demos)
        expect(known.all(), f"Every clip must be a stretch of an episode, but number {known.argmin()} is none.")


def more_questions_change_no_earlier_one(subject: Subject) -> None:
    """Asking for more pairs leaves those that were asked for, and their answers, as they are."""
    if not hasattr(subject.spec, "num_pairs"):
        return
    made = subject.outcome()
    more = subject.make(spec=subject.spec.model_copy(update={"num_pairs": subject.spec.num_pairs + _MORE}))
    found = difference(more.take(np.arange(made.num_pairs)), made)
    expect(
        not found,
        f"To ask about more pairs must change none of the earlier ones, but it changes {found}. Draw each pair from "
        "its number.",
    )


def pairs_fit_the_environment(subject: Subject) -> None:
    """Where an environment is taken, the clips are in its spaces."""
    if "env" not in subject.component.left_out:
        spaces, found = part("env", subject.options)().spaces, subject.outcome().first.spaces
        expect(found == spaces, f"The spaces must be those of the environment, got {found}.")


def order_says_nothing(subject: Subject) -> None:
    """The preferred clip is sometimes the first and sometimes the second one."""
    preferred = np.unique(np.sign(subject.outcome().probability - 0.5))
    expect(
        {-1.0, 1.0} <= set(preferred.tolist()),
        "Which clip comes first must say nothing about the answer, but it is always the same one that is preferred. "
        "Turn pairs round by `shuffled`.",
    )


ANSWERS = (answers_are_probabilities, other_pairs_change_no_answer)
"""The checks of a labeler."""
RECORDED = (pairs_fit_the_environment, order_says_nothing)
"""The checks of what was answered elsewhere."""
QUESTIONS = (clips_are_of_the_demonstrations, more_questions_change_no_earlier_one)
"""The checks of what asks."""


def _questions(subject: Subject) -> Preferences:
    return stand_ins.preferences(part("env", subject.options)(), 16)


def _asked(labeler: Labeler, questions: Preferences, numbers: Any = None) -> Answers:
    numbers = np.arange(questions.num_pairs) if numbers is None else numbers
    return labeler.asked(questions.first, questions.second, numbers, key=jax.random.key(5))


def _earlier(subject: Subject) -> Preferences | None:
    taken = "earlier" not in subject.component.left_out
    return subject.argument("earlier") if taken else None


def _is_stretch(clips: Demonstrations, demos: Demonstrations) -> Bool[np.ndarray, " clips"]:
    """Whether the observations of each clip follow each other somewhere in the episodes."""
    recorded = [_flat(demos.before()), _flat(demos.after())]
    shown = [_flat(clips.before()), _flat(clips.after())]
    found = []
    for start, length in zip(clips.starts, clips.lengths, strict=True):
        (places,) = np.nonzero((recorded[0] == shown[0][start]).all(axis=1))
        inside = places[places + length <= demos.num_steps]
        rows = start + np.arange(length)
        found.append(any((recorded[1][place + np.arange(length)] == shown[1][rows]).all() for place in inside))
    return np.asarray(found)


def _flat(obs: Any) -> np.ndarray:
    return np.concatenate([column.reshape(len(column), -1) for column in jax.tree.leaves(obs)], axis=1)
