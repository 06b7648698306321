"""What should be known of a training run that ended well: nothing to learn from, or nothing learnt."""

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Bool

from ilkit.errors import counted
from ilkit.measuring.discriminators import remark_on

_FEW = 10
"""In fewer episodes than this, rewards are too rare to be learnt from."""
_STILL = 0.01
"""Half ranges: Adam jitters about a clone that holds a policy, by up to 0.023 at first and by 0.003 later on."""


def remarks(
    curves: Mapping[str, np.ndarray], *, clone_weight: float | None = None, has_goal: bool = False
) -> list[str]:
    """What the learning curves of a run by trial and error say that is no error.

    `clone_weight` is what held the policy near the one that it started from. `has_goal` says that rewards above 0 are
    those of a goal, so that none of them means that it was never reached; where rewards may be costs alone, it doesn't.
    """
    perfect = remark_on(curves)
    return [*_on_rewards(curves, has_goal), *_on_departure(curves, clone_weight), *([perfect] if perfect else [])]


def _on_rewards(curves: Mapping[str, np.ndarray], has_goal: bool) -> Iterator[str]:
    if not {"episodes", "rewarded", "gained"} <= set(curves) or "learnt_reward" in curves:
        return  # it learns from no reward of the environment
    # The last point of a curve is a mean over a few steps, so that it may lie below the last number.
    episodes, rewarded, gained = (np.ceil(curves[name][:, -1]) for name in ("episodes", "rewarded", "gained"))
    seen, what = (gained, "reward above 0") if has_goal else (rewarded, "reward")
    if not has_goal and (rewarded >= _FEW).all() and gained.any():
        seen, what = gained, "reward above 0"
    if not (episodes > 0).all():
        return
    tried = f"of {counted(int(episodes.sum()), 'episode')}"
    if not seen.any():
        yield f"no success found in all of training: no {what} in any {tried}"
    elif (seen == 0).any():
        yield f"no {what} in all of training{_in_seeds(seen == 0)}"
    elif (rare := (seen < _FEW) & (seen < episodes)).any():
        yield f"a {what} in only {int(seen.sum()):,} {tried}, fewer than {_FEW} a seed{_in_seeds(rare)}"


def _on_departure(curves: Mapping[str, np.ndarray], clone_weight: float | None) -> Iterator[str]:
    if "departure" not in curves:
        return
    departures = curves["departure"]
    late = float(departures[:, departures.shape[1] // 2 :].mean(axis=1).max())
    if clone_weight and late < _STILL:
        yield (
            f"the policy never moved: from the middle of training on its mode stayed within {late:.2g} half ranges of "
            f"the clone's on average. Lower clone_weight ({clone_weight:g})"
        )
    elif not departures.any():
        yield "the policy never moved: its mode is that of the one it started from. Raise learning_rate or num_steps"


def _in_seeds(where: Bool[np.ndarray, " seeds"]) -> str:
    return "" if where.all() else f" in {int(where.sum())} of {counted(len(where), 'seed')}"
