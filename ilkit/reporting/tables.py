"""The report as one HTML page that needs nothing beside itself, in light and dark."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from ilkit.math.statistics import Interval
from ilkit.measuring.comparison import Comparison, Measurement, Score
from ilkit.reporting.figures import variable_of
from ilkit.reporting.style import PAGE
from ilkit.reporting.wording import number, share

_STYLE = (
    PAGE
    + """
.verdict { font-size: 1.09rem; margin: .9rem 0 1.6rem; }
.setting, footer { color: var(--muted); font-size: .86rem; line-height: 1.5; }
.setting { margin: .2rem 0 0; }
code { font: 600 .94em ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
td:first-child { font-weight: 550; white-space: normal; }
.name { white-space: nowrap; }
.key { display: inline-block; width: .62rem; height: .62rem; border-radius: 50%; margin-right: .5rem; }
.below { color: var(--series-1); }
.rollouts { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.4rem, 1fr)); gap: 1.2rem 1rem; }
.rollouts figure { margin: 0; }
.rollouts img { display: block; border-radius: 4px; max-width: 100%; border: 1px solid var(--line); }
@media (prefers-color-scheme: dark) { .rollouts img { filter: brightness(.86); } }
footer { margin-top: 3.2rem; border-top: 1px solid var(--line); padding-top: .9rem; }
footer p { margin: .35rem 0; }
"""
)


class Section(NamedTuple):
    """A heading, what stands below it, and the caption."""

    title: str
    body: str
    caption: str


def render_page(title: str, setting: str, verdict: str, sections: Sequence[Section], notes: Sequence[str]) -> str:
    """The whole page."""
    rendered = "".join(
        f"<section><h2>{escape(section.title)}</h2><figure>{section.body}"
        f"<figcaption>{escape(section.caption)}</figcaption></figure></section>\n"
        for section in sections
    )
    footer = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{escape(title)}</h1>\n<p class="setting">{escape(setting)}</p>\n'
        f'<p class="verdict">{_prose(verdict)}</p>\n'
        f"{rendered}<footer>{footer}</footer>\n</body>\n</html>\n"
    )


def score_table(
    scores: Mapping[str, Score],
    measured: Mapping[str, Measurement],
    policies: Sequence[str],
    *,
    confidence: float,
    decimals: int,
) -> str:
    """A row per policy: return, interval, normalized score, length, and over how much it was taken."""
    head = (
        "policy",
        "return",
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
        seeds, episodes = one.returns.shape
        rows.append(
            (
                _key(name, policies),
                number(score.iqm, decimals),
                _interval(score.interval, decimals),
                "" if score.normalized is None else number(score.normalized, 2),
                number(score.length, 0),
                f"{one.terminated.mean():.0%}",
                f"{seeds} × {episodes}",
                *([share(score.success.rate, score.success.interval)] if score.success else []),
            )
        )
    return _table(head, rows)


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
            f"{_key(one.name, policies)} − {escape(one.reference)}",
            number(one.difference, decimals, signed=True),
            _interval(one.interval, decimals, signed=True),
            "yes" if one.overlap else "no",
            f"{number(one.probability, 2)} ({_interval(one.probability_interval, 2)})",
            _below(one),
        )
        for one in comparisons
    ]
    return _table(head, rows)


def noise_table(noise: Mapping[str, tuple[int, float, Interval]], policies: Sequence[str], *, confidence: float) -> str:
    """A row per policy that was trained in the environment: for how long, and with how much noise."""
    head = ("policy", "environment steps", "average noise", f"{confidence:.0%} interval")
    rows = [
        (_key(name, policies), number(steps, 0), number(scale, 3), _interval(interval, 3))
        for name, (steps, scale, interval) in noise.items()
    ]
    return _table(head, rows)


def seed_table(measured: Mapping[str, Measurement], policies: Sequence[str], decimals: int) -> str:
    """A row per training seed: the return of each policy and how far it lies from the first one."""
    first, *others = policies
    paired = [name for name in others if measured[name].num_seeds == measured[first].num_seeds]
    head = ("seed", *policies, *(f"{name} − {first}" for name in paired))
    means = {name: measured[name].returns.mean(axis=1) for name in policies}
    rows = []
    for seed in range(max(map(len, means.values()))):
        returns = [number(means[name][seed], decimals) if seed < len(means[name]) else "" for name in policies]
        changes = [_change(means[name][seed] - means[first][seed], decimals) for name in paired]
        rows.append((str(seed), *returns, *changes))
    return _table(head, rows)


def rollout_row(animations: Mapping[str, str], captions: Mapping[str, str], policies: Sequence[str]) -> str:
    """The animations side by side."""
    return '<div class="rollouts">{}</div>'.format(
        "".join(
            f'<figure><img alt="rollout of {escape(name)}" src="{source}">'
            f"<figcaption>{_key(name, policies)}<br>{_minus(captions[name])}</figcaption></figure>"
            for name, source in animations.items()
        )
    )


def _prose(text: str) -> str:
    return _minus(re.sub("`(.*?)`", r"<code>\1</code>", escape(text)))


def _minus(text: str) -> str:
    """The hyphens before digits as minus signs."""
    return re.sub(r"(?<![\w-])-(?=\d)", "−", text)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    header = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>{}</tr>".format("".join(f"<td>{_minus(cell)}</td>" for cell in row)) for row in rows)
    return f'<div class="wide"><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>'


def _key(name: str, policies: Sequence[str]) -> str:
    dot = f'<span class="key" style="background: var(--{variable_of(name, policies)})"></span>'
    return f'<span class="name">{dot}{escape(name)}</span>'


def _below(one: Comparison) -> str:
    low, high = one.below_interval
    return f"{one.num_below} of {one.num_seeds} ({low:.0%} to {high:.0%})" if one.num_seeds else "not paired"


def _change(value: float, decimals: int) -> str:
    text = number(value, decimals, signed=True)
    return f'<span class="below">{text}</span>' if value < 0 else text


def _interval(interval: Interval, decimals: int, signed: bool = False) -> str:
    return " to ".join(number(end, decimals, signed=signed) for end in interval)
