"""Learnt rewards as numbers: apart from the page, whose figures take long to import."""

import numpy as np

from ilkit.data.report import Metrics
from ilkit.measuring.reward_map import Rewards


def reward_metrics(rewards: Rewards) -> dict[str, Metrics]:
    """The mean correlations over training seeds, as far as there are any, and what a step after a termination earns."""
    return {
        name: {
            **_known("correlation_drawn", score.drawn),
            **_known("correlation_demonstrated", score.demonstrated),
            "absorbing": float(score.absorbing.mean()),
        }
        for name, score in rewards.scores.items()
    }


def _known(name: str, rows: np.ndarray) -> Metrics:
    known = rows[np.isfinite(rows)]
    return {name: float(known.mean())} if len(known) else {}
