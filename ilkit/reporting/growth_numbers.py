"""How costs grow with the horizon, as numbers: metrics and tables for DVC, and a few lines for the terminal."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from ilkit.data.report import Metrics, Table
from ilkit.measuring.growth import Growth, Ratio
from ilkit.reporting.columns import aligned, by_name


class Growths(NamedTuple):
    """All that was found."""

    task: str
    policies: tuple[str, ...]
    num_seeds: Mapping[str, int]
    num_episodes: int
    """Of each seed."""
    num_demonstrated: tuple[int, int]
    """Episodes and steps of the demonstrations."""
    confidence: float
    horizons: Int[np.ndarray, " horizons"]
    growths: Mapping[str, Growth]
    """The expert's, if there is one, and the policies'."""
    ratios: list[Ratio]


def metrics_of(found: Growths) -> Metrics:
    """Of each policy its exponent, exact and fitted, and its costs; the ratios of policies."""
    policies = {name: _metrics(found, growth) for name, growth in found.growths.items()}
    ratios = {
        f"{one.name}_over_{one.reference}": {"ratio": one.ratio, "low": one.interval.low, "high": one.interval.high}
        for one in found.ratios
    }
    return {**policies, **ratios}


def _metrics(found: Growths, growth: Growth) -> Metrics:
    metrics: dict[str, Metrics | float] = {"cost": _by_horizon(found, growth.mean)}
    if np.isfinite(growth.exponent):
        metrics["exponent"] = growth.exponent
    if np.isfinite(growth.exponent_interval).all():
        metrics["exponent_low"], metrics["exponent_high"] = map(float, growth.exponent_interval)
    if growth.exact is not None:
        metrics["exact_cost"] = _by_horizon(found, growth.exact)
        if np.isfinite(growth.exact_exponent(found.horizons)):
            metrics["exact_exponent"] = growth.exact_exponent(found.horizons)
    return metrics


def _by_horizon(found: Growths, costs: np.ndarray) -> dict[str, float]:
    return {str(horizon): float(cost) for horizon, cost in zip(found.horizons, costs, strict=True)}


def tables_of(found: Growths) -> dict[str, Table]:
    """The costs of every policy within every horizon; the return of the longest one where DVC plots returns."""
    rows = [
        (name, int(horizon), float(growth.mean[at]), *(float(end[at]) for end in growth.interval), exact)
        for name, growth in found.growths.items()
        for at, (horizon, exact) in enumerate(zip(found.horizons, _exact(growth, found), strict=True))
    ]
    costs = by_name(("policy", "horizon", "cost", "low", "high", "exact"), rows)
    returns: dict[str, list[float] | list[int]] = {"env_steps": [0]}
    returns |= {name: [-float(found.growths[name].mean[-1])] for name in found.policies}
    return {"costs": costs, "learning_curves": returns}


def _exact(growth: Growth, found: Growths) -> list[float | str]:
    return [""] * len(found.horizons) if growth.exact is None else growth.exact.tolist()


def exponents_of(growth: Growth, found: Growths) -> tuple[str, str, str]:
    """The fitted exponent, its interval and the exact one, as far as they are known."""
    exact, interval = growth.exact_exponent(found.horizons), growth.exponent_interval
    return (
        _known(growth.exponent),
        "{:.3f} to {:.3f}".format(*interval) if np.isfinite(interval).all() else "",
        _known(exact),
    )


def _known(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else ""


def verdict_of(found: Growths) -> str:
    """The exponents in plain words."""
    fitted = [
        f"that of {name} grows with T to the power of {growth.exponent:.2f}"
        if np.isfinite(growth.exponent)
        else f"{name} costs nothing within {found.horizons[0]} steps"
        for name, growth in found.growths.items()
        if name in found.policies
    ]
    ratios = [
        f"Over {found.horizons[-1]:,} steps {one.name} costs {one.ratio:.3g} times what {one.reference} does."
        for one in found.ratios
    ]
    return " ".join([f"The cost over T steps: {', '.join(fitted)}.", *ratios])


def summary_of(found: Growths) -> str:
    """An aligned table of exponents and costs, and the verdict."""
    ends = [int(found.horizons[0]), int(found.horizons[-1])]
    head = (
        "",
        "exponent",
        f"{found.confidence:.0%} interval",
        "exact",
        *(f"cost, T = {end:,}" for end in ends),
        "exact",
    )
    rows = [
        (
            name,
            *exponents_of(growth, found),
            *(f"{growth.mean[at]:.4g}" for at in (0, -1)),
            "" if growth.exact is None else f"{growth.exact[-1]:.4g}",
        )
        for name, growth in found.growths.items()
    ]
    return "\n".join([*aligned([head, *rows], gap=3), verdict_of(found)]) + "\n"
