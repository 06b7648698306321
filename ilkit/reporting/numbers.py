"""The numbers of a report: metrics and tables for DVC, and a few lines for the terminal."""

import numpy as np

from ilkit.data.report import Metrics, Table
from ilkit.data.spaces import Discrete
from ilkit.measuring.comparison import REFERENCES, Score, Success
from ilkit.measuring.curves import (
    labels_table,
    returns_against_env_steps,
    returns_against_labels,
    returns_table,
    training_table,
)
from ilkit.reporting.along_numbers import along_metrics, along_table, falls_of
from ilkit.reporting.clips import told_metrics
from ilkit.reporting.columns import aligned, by_name
from ilkit.reporting.findings import ActionSample, Findings
from ilkit.reporting.fit import fit_metrics, fit_table, fit_verdict
from ilkit.reporting.reward_numbers import reward_metrics
from ilkit.reporting.wording import few_seeds, number, share, verdict


def metrics_of(findings: Findings) -> Metrics:
    """A policy's score and its fit, and the difference of every pair of policies."""
    scores: dict[str, Metrics] = {name: _score(score) for name, score in findings.scores.items()}
    fitted = {name: {**scores.get(name, {}), "fit": fit_metrics(fit)} for name, fit in findings.fits.items()}
    pairs: dict[str, Metrics] = {
        f"{one.name}_minus_{one.reference}": {
            "difference": one.difference,
            "low": one.interval.low,
            "high": one.interval.high,
            "overlap": int(one.overlap),
            "seeds_below": one.num_below,
        }
        for one in findings.comparisons
    }
    for name, along in findings.along.items():
        fitted[name] = {**fitted[name], "along_training": along_metrics(along)}
    for name, curve in returns_against_labels(findings.curves).items():
        fitted[name] = {**fitted[name], "labels": float(curve.steps[-1])}
    rewards = {} if findings.rewards is None else reward_metrics(findings.rewards)
    answers = {name: told_metrics(one.told) for name, one in findings.answers.items()}
    answered = {"answers": answers} if answers else {}
    return {**scores, **fitted, **pairs, **rewards, **answered, "held_out": findings.held_out._asdict()}


def tables_of(findings: Findings) -> dict[str, Table]:
    """Learning curves, all returns, comparisons, and how often each action is taken at demonstrated states."""
    scores = {name: findings.scores.get(name) if findings.outcome == "return" else None for name in findings.policies}
    asked = returns_against_labels(findings.curves)
    training = {f"training_{name}": training_table(curves) for name, curves in findings.curves.items() if curves}
    returns = returns_against_env_steps(findings.curves)
    if findings.outcome == "return":  # those of the policies as they were tell more than those of noisy trials
        returns |= {name: one.curve for name, one in findings.along.items() if one.curve.unit == "env_steps"}
    return {
        "learning_curves": returns_table(returns, scores),
        "returns": _returns(findings),
        "comparisons": _comparisons(findings),
        "actions": _actions(findings.actions),
        "exploration": _exploration(findings),
        "fit": fit_table(findings),
        **({"labels": labels_table(asked)} if asked else {}),
        **({"along_training": along_table(findings.along, findings.outcome)} if findings.along else {}),
    } | training


def verdict_of(findings: Findings) -> str:
    """The result in plain words."""
    if not findings.scores:
        return fit_verdict(findings)
    told = verdict(
        {name: findings.scores[name] for name in findings.policies},
        findings.comparisons,
        confidence=findings.confidence,
        decimals=findings.decimals,
        outcome=findings.outcome,
        reference=next((findings.scores[name] for name in REFERENCES if name in findings.scores), None),
        demonstrated="expert" not in findings.scores,
        random=findings.scores.get("random"),
    )
    return " ".join([told, *falls_of(findings.along, findings.decimals)])


def summary_of(findings: Findings) -> str:
    """An aligned table of what was run, and the verdict."""
    lines = aligned(_scored(findings), gap=3) if findings.scores else []
    return "\n".join([*lines, verdict_of(findings), *few_seeds(findings.num_seeds, findings.confidence)]) + "\n"


def _scored(findings: Findings) -> list[tuple[str, ...]]:
    decimals = findings.decimals
    succeeded = ["success"] if any(score.success for score in findings.scores.values()) else []
    head = ("", findings.outcome, f"{findings.confidence:.0%} interval", "normalized", "length", *succeeded)
    rows = [
        (
            name,
            number(score.iqm, decimals),
            f"{number(score.interval.low, decimals)} to {number(score.interval.high, decimals)}",
            "" if score.normalized is None else number(score.normalized, 2),
            number(score.length, 0),
            *(_share(score) if succeeded else []),
        )
        for name, score in findings.scores.items()
    ]
    return [head, *rows]


def _share(score: Score) -> list[str]:
    return [share(score.success.rate, score.success.interval) if score.success else ""]


def _score(score: Score) -> Metrics:
    metrics = {
        "iqm": score.iqm,
        "low": score.interval.low,
        "high": score.interval.high,
        "mean": score.mean,
        "length": score.length,
    }
    if score.normalized is not None:
        metrics["normalized"] = score.normalized
    return metrics | ({} if score.success is None else _success(score.success))


def _success(success: Success) -> dict[str, float]:
    return {"success": success.rate, "success_low": success.interval.low, "success_high": success.interval.high}


def _returns(findings: Findings) -> Table:
    rows = [
        (name, seed, episode, float(one.outcomes[seed, episode]), int(one.lengths[seed, episode]))
        for name, one in findings.measured.items()
        for seed, episode in np.ndindex(one.outcomes.shape)
    ]
    names = ("policy", "seed", "episode", findings.outcome, "length" if findings.outcome != "length" else "steps")
    return by_name(names, rows)


def _comparisons(findings: Findings) -> Table:
    probability, below = ("probability_low", "probability_high"), ("share_below_low", "share_below_high")
    difference = ("policy", "reference", "difference", "low", "high")
    return by_name(
        (*difference, "probability_of_improvement", *probability, "seeds", "seeds_below", *below),
        [
            (
                *(one.name, one.reference, one.difference, *map(float, one.interval)),
                *(one.probability, *one.probability_interval),
                *(one.num_seeds, one.num_below, *one.below_interval),
            )
            for one in findings.comparisons
        ],
    )


def _exploration(findings: Findings) -> Table:
    return by_name(
        ("policy", "env_steps", "noise_scale", "low", "high"),
        [(name, steps, scale, *map(float, interval)) for name, (steps, scale, interval) in findings.noise.items()],
    )


def _actions(actions: ActionSample) -> Table:
    """For each dimension of the action, the density of each bin; of a discrete action, the share of each choice."""
    space = actions.spaces.action
    sampled = {"demonstrated": actions.demonstrated, **actions.samples}
    if isinstance(space, Discrete):
        shares = {
            name: np.bincount(rows.astype(int), minlength=space.size) / len(rows) for name, rows in sampled.items()
        }
        return {"action": list(range(space.size))} | {name: share.tolist() for name, share in shares.items()}
    columns: dict[str, list[float]] = {name: [] for name in ("dimension", "action", *sampled)}
    for dim in range(space.size):
        edges = actions.bins(dim)
        columns["dimension"] += [dim] * (len(edges) - 1)
        columns["action"] += ((edges[1:] + edges[:-1]) / 2).tolist()
        for name, rows in sampled.items():
            columns[name] += np.histogram(rows[:, dim], edges, density=True)[0].tolist()
    return columns
