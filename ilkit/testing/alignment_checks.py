"""Checks of what learns from answers about pairs of clips, and of what asks for them itself."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ilkit.data.policy import Policy
from ilkit.data.preferences import Clips, Pairs, Preferences
from ilkit.data.reward import Reward
from ilkit.testing import problems, stand_ins
from ilkit.testing.arguments import part
from ilkit.testing.comparison import difference, expect
from ilkit.testing.subject import Subject

_ACCURACY = 0.75
_QUESTIONS = 200


def explains_the_answers(subject: Subject) -> None:
    """The reward of the preferred one of two new clips is the larger one, in three of four pairs."""
    reward: Reward = subject.learnt()
    pairs = stand_ins.preferences(part("env", subject.options)(), _QUESTIONS).pairs()
    first, second = (np.asarray(_sums(reward, clips)) for clips in (pairs.first, pairs.second))
    decided = np.asarray(pairs.probability) != 0.5
    found = float(np.mean((first > second)[decided] == (np.asarray(pairs.probability) > 0.5)[decided]))
    expect(
        found >= _ACCURACY,
        f"A reward must be larger for what is preferred in {_ACCURACY:.0%} of new pairs, got {found:.0%}.",
    )


def comes_nearer_to_what_is_preferred(subject: Subject) -> None:
    """From an untrained reference, answers lead closer to the optimal actions."""
    before = problems.action_error(subject.argument("reference"), subject.options.actions)
    learnt: Policy = subject.learnt()
    after = problems.action_error(learnt, subject.options.actions)
    expect(
        after < 0.8 * before,
        f"Answers must lead closer to the optimal actions, got an error of {before:.3g} before and {after:.3g} after. "
        "Give it settings=... that suit so small a problem.",
    )


def padding_of_pairs_changes_no_bit(subject: Subject) -> None:
    """What stands in the rows behind the last pair, and behind the last step of a clip, doesn't matter."""
    stained = [_Stained(**vars(one)) if isinstance(one, Preferences) else one for one in subject.positional()]
    found = difference(subject.outcome(), subject.train_on(tuple(stained)))
    expect(
        not found,
        f"The rows behind the last pair, and the steps behind a clip's last, must not matter, but they change {found}. "
        "Draw from the first `count` rows, and sum by `mask`.",
    )


class _Stained(Preferences):
    """Preferences whose padding holds ones instead of zeros."""

    def pairs(self) -> Pairs:
        """The same pairs with other padding."""
        pairs = super().pairs()
        valid = jnp.arange(len(pairs.probability)) < pairs.count
        return pairs._replace(
            first=_stained(pairs.first),
            second=_stained(pairs.second),
            probability=jnp.where(valid, pairs.probability, 1.0),
        )


def _stained(clips: Clips) -> Clips:
    def stain(column: Array) -> Array:
        mask = clips.mask.reshape(*clips.mask.shape, *[1] * (column.ndim - 2))
        return jnp.where(mask, column, jnp.ones((), column.dtype))

    return jax.tree.map(stain, clips)._replace(mask=clips.mask)


@eqx.filter_jit
def _sums(reward: Reward, clips: Clips) -> Any:
    steps = (clips.obs, clips.actions, clips.next_obs, clips.terminated)
    return jnp.sum(jnp.where(clips.mask, jax.vmap(jax.vmap(reward))(*steps), 0.0), axis=1)
