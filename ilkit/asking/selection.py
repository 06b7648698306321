"""Which of several pairs of clips to ask about: those that a learnt reward knows least about."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Literal

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Int

from ilkit.asking.candidates import Candidates, Source
from ilkit.asking.distance import distance_of
from ilkit.asking.distinct import Questions
from ilkit.asking.earlier import Earlier
from ilkit.asking.stretches import Stretches
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.preferences import Preferences
from ilkit.data.reward import Reward, check_reward
from ilkit.data.windows import Transitions
from ilkit.errors import DataError

Selection = Literal["random", "disagreement", "information_gain"]
Scores = Float[np.ndarray, "questions candidates"]


def select(
    selection: Selection,
    demos: Demonstrations,
    stretches: Stretches,
    source: Source,
    candidates: Candidates,
    min_distance: float,
    reward: Reward | None,
    earlier: Preferences | None = None,
) -> Int[np.ndarray, "questions 2"]:
    """The best candidate of each question whose clips differ by more than `min_distance` and that no earlier one is
    about, of this stage or before, or another pair of the source where all of them are asked about; -1 twice where none
    is left.

    **Raises:** `DataError` where a reward is needed and there is none, or one with a single opinion; where no question
    is left.
    """
    shape = candidates.shape[:2]
    distance = distance_of(demos, stretches)
    far = distance(candidates.reshape(-1, 2)).reshape(shape) > min_distance
    if not far.any():
        raise DataError(
            f"No two clips that were drawn differ by more than min_distance, {min_distance:g}. Lower it, or record "
            "episodes that differ."
        )
    scores = np.zeros(shape) if selection == "random" else _scores(selection, demos, stretches, candidates, reward)
    questions = Questions(source, distance, min_distance, Earlier(demos, stretches, earlier))
    return questions.chosen(candidates, np.where(far, scores, -np.inf))


def disagreement(first: Float[np.ndarray, "*pairs members"]) -> Float[np.ndarray, "*pairs"]:
    """The variance over members of the probability that the first clip is preferred (Christiano et al., 2017)."""
    return np.asarray(first.var(axis=-1))


def information_gain(first: Float[np.ndarray, "*pairs members"]) -> Float[np.ndarray, "*pairs"]:
    """What the answer tells of which member is right, in nats: H(mean p) - mean H(p) (Bıyık et al., 2020)."""
    return np.asarray(_entropy(first.mean(axis=-1)) - _entropy(first).mean(axis=-1))


_SCORES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "disagreement": disagreement,
    "information_gain": information_gain,
}


def _scores(
    selection: Selection, demos: Demonstrations, stretches: Stretches, candidates: Candidates, reward: Reward | None
) -> Scores:
    if reward is None:
        raise DataError(
            f"selection: {selection} needs a reward that was learnt. Hand it to the stage, or choose random."
        )
    check_reward(reward, demos.spaces)
    members = np.asarray(_of_steps(reward, dataclasses.replace(demos, actions=demos.taken).transitions()))[
        : demos.num_steps
    ].astype(np.float64)
    if members.shape[1] < 2:
        raise DataError(
            f"selection: {selection} needs a reward with several members, got {members.shape[1]}. Set num_members of "
            "the stage that learns it to 2 or more, or choose random."
        )
    sums = np.concatenate([np.zeros((1, members.shape[1])), np.cumsum(members, axis=0)])
    returns = sums[stretches.rows + stretches.lengths] - sums[stretches.rows]
    returns *= np.asarray(reward.log_odds, np.float64)
    gap = returns[candidates[..., 0]] - returns[candidates[..., 1]]
    return _SCORES[selection](0.5 + 0.5 * np.tanh(gap / 2))


@eqx.filter_jit
def _of_steps(reward: Reward, steps: Transitions) -> Float[Array, "steps members"]:
    return jax.vmap(reward.members)(steps.before(), steps.actions, steps.after(), steps.terminated)


def _entropy(share: np.ndarray) -> np.ndarray:
    other = 1 - share
    logs = [np.log(one, out=np.zeros_like(one), where=one > 0) for one in (share, other)]
    return -(share * logs[0] + other * logs[1])
