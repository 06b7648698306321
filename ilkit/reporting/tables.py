"""The tables of a report as markup."""

from collections.abc import Mapping, Sequence
from html import escape

from ilkit.math.statistics import Interval
from ilkit.measuring.comparison import Comparison, Measurement, Score
from ilkit.reporting.figures import variable_of
from ilkit.reporting.page import minus, table
from ilkit.reporting.wording import number, share


def score_table(
    scores: Mapping[str, Score],
    measured: Mapping[str, Measurement],
    policies: Sequence[str],
    *,
    confidence: float,
    outcome: str,
    decimals: int,
) -> str:
    """A row per policy: its outcome, the interval, normalized score, length, and over how much it was taken."""
    head = (
        "policy",
        outcome,
        f"{confidence:.0%} interval",
        "normalized",
        "length",
        "terminated",
        "seeds × episodes",
        *(["success"] if any(score.success for score in scores.values()) else []),
    )
    rows = []
    for name, score in scores.items():
        one = measured[name]
        seeds, episodes = one.outcomes.shape
        rows.append(
            (
                name_cell(name, policies),
                number(score.iqm, decimals),
                interval_cell(score.interval, decimals),
                "" if score.normalized is None else number(score.normalized, 2),
                number(score.length, 0),
                f"{one.terminated.mean():.0%}",
                f"{seeds} × {episodes}",
                *([share(score.success.rate, score.success.interval)] if score.success else []),
            )
        )
    return table(head, rows)


def comparison_table(
    comparisons: Sequence[Comparison], policies: Sequence[str], *, confidence: float, decimals: int
) -> str:
    """A row per pair of policies."""
    head = (
        "pair",
        "difference",
        f"{confidence:.0%} interval",
        "overlap",
        "P(improvement)",
        "seeds below",
    )
    rows = [
        (
            f"{name_cell(one.name, policies)} − {escape(one.reference)}",
            number(one.difference, decimals, signed=True),
            interval_cell(one.interval, decimals, signed=True),
            "yes" if one.overlap else "no",
            f"{number(one.probability, 2)} ({interval_cell(one.probability_interval, 2)})",
            _below(one),
        )
        for one in comparisons
    ]
    return table(head, rows)


def noise_table(noise: Mapping[str, tuple[int, float, Interval]], policies: Sequence[str], *, confidence: float) -> str:
    """A row per policy that was trained in the environment: for how long, and with how much noise."""
    head = ("policy", "environment steps", "average noise", f"{confidence:.0%} interval")
    rows = [
        (name_cell(name, policies), number(steps, 0), number(scale, 3), interval_cell(interval, 3))
        for name, (steps, scale, interval) in noise.items()
    ]
    return table(head, rows)


def seed_table(measured: Mapping[str, Measurement], policies: Sequence[str], decimals: int) -> str:
    """A row per training seed: the return of each policy and how far it lies from the first one."""
    first, *others = policies
    paired = [name for name in others if measured[name].num_seeds == measured[first].num_seeds]
    head = ("seed", *policies, *(f"{name} − {first}" for name in paired))
    means = {name: measured[name].outcomes.mean(axis=1) for name in policies}
    rows = []
    for seed in range(max(map(len, means.values()))):
        returns = [number(means[name][seed], decimals) if seed < len(means[name]) else "" for name in policies]
        changes = [_change(means[name][seed] - means[first][seed], decimals) for name in paired]
        rows.append((str(seed), *returns, *changes))
    return table(head, rows)


def rollout_row(animations: Mapping[str, str], captions: Mapping[str, str], policies: Sequence[str]) -> str:
    """The animations side by side."""
    return '<div class="rollouts">{}</div>'.format(
        "".join(
            f'<figure><img alt="rollout of {escape(name)}" src="{source}">'
            f"<figcaption>{name_cell(name, policies)}<br>{minus(captions[name])}</figcaption></figure>"
            for name, source in animations.items()
        )
    )


def name_cell(name: str, policies: Sequence[str]) -> str:
    """A policy's name beside its color."""
    dot = f'<span class="key" style="background: var(--{variable_of(name, policies)})"></span>'
    return f'<span class="name">{dot}{escape(name)}</span>'


def _below(one: Comparison) -> str:
    low, high = one.below_interval
    return f"{one.num_below} of {one.num_seeds} ({low:.0%} to {high:.0%})" if one.num_seeds else "not paired"


def _change(value: float, decimals: int) -> str:
    text = number(value, decimals, signed=True)
    return f'<span class="below">{text}</span>' if value < 0 else text


def interval_cell(interval: tuple[float, float], decimals: int, signed: bool = False) -> str:
    """The ends of an interval."""
    return " to ".join(number(end, decimals, signed=signed) for end in interval)
