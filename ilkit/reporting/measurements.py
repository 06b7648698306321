"""Episodes that were run, as what is compared."""

from collections.abc import Mapping

import numpy as np

from ilkit.errors import DataError
from ilkit.measuring.comparison import Measurement
from ilkit.stepping.episode_arrays import Episodes


def known_outcome(episodes: Mapping[str, list[Episodes]]) -> str:
    """Returns; without any rewards, whether episodes succeeded; without that, their lengths.

    **Raises:** `DataError` where some returns are finite and some aren't.
    """
    returns = {name: np.stack([run.returns for run in runs]) for name, runs in episodes.items()}
    if episodes and all(np.isnan(values).all() for values in returns.values()):
        told = [run.success for runs in episodes.values() for run in runs]
        return "success" if all(one is not None and np.isfinite(one).all() for one in told) else "length"
    for name, values in returns.items():
        for seed, episode in np.argwhere(~np.isfinite(values))[:1]:
            raise DataError(
                f"Returns must be finite, got {values[seed, episode]} from {name}, seed {seed}, in evaluation "
                f"episode {episode}. Its actions or the environment's rewards aren't finite: train it again."
            )
    return "return"


def measure(runs: list[Episodes], outcome: str) -> Measurement:
    """What the seeds of a policy did, a row each."""
    returns, lengths, terminated = (
        np.stack([getattr(run, column) for run in runs]) for column in ("returns", "lengths", "terminated")
    )
    told = np.stack([np.full(len(run.lengths), np.nan) if run.success is None else run.success for run in runs])
    outcomes = {"return": returns, "success": told.astype(float), "length": lengths.astype(float)}[outcome]
    return Measurement(outcomes, lengths, terminated, told if np.isfinite(told).all() else None)
