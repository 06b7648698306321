"""What policies visit and rewards lead to, as numbers: metrics and tables for DVC, and a few lines for the terminal."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ilkit.data.report import Metrics, Table
from ilkit.math.statistics import mean
from ilkit.measuring.walks import Ground, Taught, Walk
from ilkit.reporting.columns import aligned


class Occupied(NamedTuple):
    """All that was found."""

    task: str
    names: tuple[str, ...]
    """Of all that was handed over by a name of its own."""
    walks: Mapping[str, Walk]
    """What was demonstrated, and what the expert and the learnt policies do."""
    taught: Mapping[str, Taught]
    """What the learnt rewards are."""
    ground: Ground
    """What all are held against: the true rewards, the best policy and random actions."""
    places: Float[np.ndarray, "observed 2"]
    """Where each state lies on the map, but for the one that follows a termination."""
    steps: Float[np.ndarray, "observed actions 2"]
    """How far each action leads from there, on average."""
    num_demonstrated: tuple[int, int]
    """Episodes and steps."""
    num_seeds: int
    """The fewest of what was learnt."""
    confidence: float


def metrics_of(found: Occupied) -> Metrics:
    """Of each policy what it is paid and how far it strays, of each reward what it is worth."""
    walks = {name: _walked(walk) for name, walk in found.walks.items()}
    ends = {name: {"return": value} for name, value in ends_of(found)}
    taught = {
        name: {
            "correlation": float(mean(one.correlation)),
            "planned_return": float(mean(one.returns)),
            "share": float(mean(one.shares)),
            "low": float(one.interval.low),
            "high": float(one.interval.high),
        }
        for name, one in found.taught.items()
    }
    return {**walks, **taught, **ends}


def _walked(walk: Walk) -> Metrics:
    told = {"elsewhere": float(mean(walk.elsewhere)), "farthest": float(mean(walk.farthest))}
    if walk.log_likelihood is not None:
        told["log_likelihood"] = float(mean(walk.log_likelihood))
    return {
        "return": float(mean(walk.returns)),
        "low": float(walk.interval.low),
        "high": float(walk.interval.high),
    } | told


def tables_of(found: Occupied) -> dict[str, Table]:
    """How often each state is acted in, and the rewards; returns where DVC plots curves."""
    states = list(range(len(found.ground.reached)))
    visits: dict[str, Any] = {"state": states} | {name: one.acted[0].tolist() for name, one in found.walks.items()}
    rewards: dict[str, Any] = {"state": states, "true": np.asarray(found.ground.tabular.rewards).mean(axis=1).tolist()}
    rewards |= {name: one.rewards.mean(axis=1).tolist() for name, one in found.taught.items()}
    returned = {name: one.returns for name, one in found.walks.items() if name in found.names}
    returned |= {name: one.returns for name, one in found.taught.items()}
    curves: dict[str, Any] = {"env_steps": [0]} | {name: [float(mean(of))] for name, of in returned.items()}
    return {"visits": visits, "rewards": rewards, "learning_curves": curves}


def verdict_of(found: Occupied) -> str:
    """Who visits what was demonstrated, and whose reward is worth planning on, in plain words."""
    strays = [f"{name} {mean(one.elsewhere):.1%}" for name, one in found.walks.items() if name in found.names]
    plans = [f"{name} {mean(one.shares):.0%}" for name, one in found.taught.items()]
    told = []
    if strays:
        told.append(f"Steps that are taken elsewhere than was demonstrated: {', '.join(strays)}.")
    if plans:
        told.append(
            "Who plans on a learnt reward gets, of what lies between random actions and the best policy: "
            f"{', '.join(plans)}."
        )
    return " ".join(told)


def ends_of(found: Occupied) -> list[tuple[str, float]]:
    """The returns of the best policy and of random actions."""
    return [("best", found.ground.best.expected_return), ("random", found.ground.random.expected_return)]


def summary_of(found: Occupied) -> str:
    """Aligned tables of policies and of rewards, and the verdict."""
    head = ("", "return", "elsewhere", "log-likelihood")
    rows = [
        (name, f"{mean(one.returns):.3f}", f"{mean(one.elsewhere):.1%}", likelihood_of(one))
        for name, one in found.walks.items()
    ]
    ends = [(name, f"{value:.3f}", "", "") for name, value in ends_of(found)]
    lines = aligned([head, *rows, *ends], gap=3)
    if found.taught:
        head = ("reward of", "correlation", "planned", "share")
        taught = [
            (name, f"{mean(one.correlation):.3f}", f"{mean(one.returns):.3f}", f"{mean(one.shares):.0%}")
            for name, one in found.taught.items()
        ]
        lines += ["", *aligned([head, *taught], gap=3)]
    return "\n".join([*lines, verdict_of(found)]) + "\n"


def likelihood_of(walk: Walk) -> str:
    """The log-likelihood of a demonstrated action, where there is one."""
    return "" if walk.log_likelihood is None else f"{mean(walk.log_likelihood):.3f}"
