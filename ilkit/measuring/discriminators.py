"""Discriminators that tell demonstrations from trials without a mistake, and so say nothing of what is better."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

_PERFECT = 0.99


def always_perfect(curves: Mapping[str, np.ndarray]) -> Bool[np.ndarray, " seeds"] | None:
    """Which seeds' discriminators were right nearly always over the last tenth of training; none without any."""
    if "accuracy" not in curves or not np.size(curves["accuracy"]):
        return None
    accuracy = np.asarray(curves["accuracy"])
    last = max(1, -(-accuracy.shape[1] // 10))
    return np.asarray((accuracy[:, -last:] > _PERFECT).all(axis=1))


def remark_on(curves: Mapping[str, np.ndarray]) -> str | None:
    """What to say of such discriminators, and what to try."""
    perfect = always_perfect(curves)
    if perfect is None or not perfect.any():
        return None
    seeds = "" if perfect.all() else f" in {int(perfect.sum())} of {len(perfect)} seeds"
    return (
        f"the discriminator was right in more than {_PERFECT:.0%} of the last tenth of training{seeds}: its reward "
        "tells the policy little of what is better. Try fewer num_discriminator_steps, a gradient_penalty, "
        "label_smoothing or more demonstrations"
    )
