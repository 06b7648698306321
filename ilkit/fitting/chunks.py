"""What demonstrations must be for a policy that decides on several actions at once."""

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.errors import DataError


def check_chunks(window: tuple[int, int], demos: Demonstrations) -> None:
    """Checks that whoever learns from a step that counts may learn from all that its chunk holds.

    **Raises:** `DataError` where a step of weight 0 lies among those that a policy of this window would be fitted to.
    """
    if demos.weights is None or not window[1]:
        return
    missing = np.concatenate([[0], np.cumsum(~demos.counted)])
    stops = np.minimum(np.arange(demos.num_steps) + window[1] + 1, demos.stops[demos.episode_of()])
    broken = demos.counted & (missing[stops] > missing[np.arange(demos.num_steps)])
    if broken.any():
        raise DataError(
            f"A policy that decides on {window[1] + 1} actions at once needs all of them, and after "
            f"{int(broken.sum())} of {demos.num_counted} steps that count others don't, for they were thinned out. "
            "Choose another policy.kind than chunked, or augment.thin.every 1."
        )
