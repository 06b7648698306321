"""What a comparison says, in plain words."""

from collections.abc import Mapping

from ilkit.errors import counted
from ilkit.math.statistics import Interval, units_for
from ilkit.measuring.comparison import Comparison, Score

UNITS = {"env_steps": "environment steps", "step": "gradient steps"}
"""What the steps of a curve are called."""
_VERBS = {"return": "returns", "success": "succeeds at a rate of", "length": "lasts"}


def number(value: float | int, decimals: int, *, signed: bool = False) -> str:
    """A number with its digits grouped, and without a sign where it is rounded to zero."""
    text = f"{value:+,.{decimals}f}" if signed else f"{value:,.{decimals}f}"
    return text if text.strip("+-0.") else text.lstrip("+-")


def share(rate: float, interval: Interval) -> str:
    """A share of episodes with its interval."""
    return f"{rate:.0%} ({interval.low:.0%} to {interval.high:.0%})"


def counted_seeds(seeds: Mapping[str, int]) -> str:
    """Policies with the number of their training seeds, together where all have as many."""
    if len(set(seeds.values())) > 1:
        return ", ".join(f"{name} ({counted(count, 'training seed')})" for name, count in seeds.items())
    each = " each" if len(seeds) > 1 else ""
    return f"{', '.join(seeds)} ({counted(next(iter(seeds.values())), 'training seed')}{each})"


def few_seeds(num_seeds: int, confidence: float) -> list[str]:
    """What an interval over so few training seeds is worth; nothing where there are enough."""
    enough = units_for(confidence)
    if num_seeds == 1:
        return [f"One training seed doesn't tell how others would differ: train with {enough} or more."]
    if num_seeds < enough:
        return [
            f"With {num_seeds} training seeds an interval of values spans them all and yet covers only "
            f"{1 - 2 ** (1 - num_seeds):.0%} of the time, not {confidence:.0%}: train with {enough} or more."
        ]
    return []


def verdict(
    scores: Mapping[str, Score],
    comparisons: list[Comparison],
    *,
    confidence: float,
    decimals: int,
    outcome: str = "return",
    reference: Score | None = None,
    demonstrated: bool = False,
    random: Score | None = None,
) -> str:
    """Which of the learnt policies is best and by how much, in plain words and whatever the outcome.

    `reference` is the score of the expert or, where `demonstrated`, of what was recorded.
    """
    ranked = sorted(scores, key=lambda name: -scores[name].iqm)
    best = ranked[0]
    if len(ranked) == 1:
        return _only(best, scores[best], confidence, decimals, outcome, demonstrated)
    against = [_as_seen_from(best, one) for one in comparisons if best in (one.name, one.reference)]
    against.sort(key=lambda one: ranked.index(one.reference))
    behind = 0.0 if reference is None else reference.iqm - scores[best].iqm
    opening = _opening(best, is_clear=against[0].clear, is_behind=behind > 0)
    margins = ", and ".join(_margin(one, confidence, decimals) for one in against)
    overlap = "overlap" if against[0].overlap else "don't overlap"
    sentences = [
        f"{opening} {_VERBS[outcome]} {margins}.",
        f"The intervals of `{best}` and `{against[0].reference}` {overlap}.",
    ]
    if random is not None and random.iqm >= scores[best].iqm:
        sentences.append(f"Random actions do no worse than `{best}`.")
    if behind > 0:
        source = "What was demonstrated" if demonstrated else "The expert"
        sentences.append(f"{source} {_VERBS[outcome]} {number(behind, decimals)} more than `{best}`.")
    first = next(iter(scores))
    paired = [one for one in comparisons if one.reference == first and one.num_seeds > 1]
    if paired:
        below = ", ".join(f"{one.num_below} of {one.num_seeds} (`{one.name}`)" for one in paired)
        sentences.append(f"Seeds that end below `{first}`: {below}.")
    return " ".join(sentences)


def _only(name: str, score: Score, confidence: float, decimals: int, outcome: str, demonstrated: bool) -> str:
    told = f"`{name}` {_VERBS[outcome]} {number(score.iqm, decimals)} ({_told(score.interval, confidence, decimals)})"
    reference = "what was demonstrated" if demonstrated else "expert"
    return told + (
        "." if score.normalized is None else f", {score.normalized:.0%} of the way from random to {reference}."
    )


def _opening(best: str, *, is_clear: bool, is_behind: bool) -> str:
    if is_clear:
        return f"Of the learnt policies `{best}` is best: it" if is_behind else f"`{best}` is best: it"
    return f"No {'learnt ' if is_behind else ''}policy is clearly best: `{best}`"


def _margin(one: Comparison, confidence: float, decimals: int) -> str:
    doubt = "" if one.clear else ", no clear difference"
    word, sign = ("more", 1.0) if one.difference >= 0 else ("less", -1.0)
    interval = Interval(*sorted(sign * end for end in one.interval))
    told = f"{_told(interval, confidence, decimals)}{doubt}"
    return f"{number(abs(one.difference), decimals)} {word} than `{one.reference}` ({told})"


def _told(interval: Interval, confidence: float, decimals: int) -> str:
    return f"{confidence:.0%} interval {number(interval.low, decimals)} to {number(interval.high, decimals)}"


def _as_seen_from(name: str, one: Comparison) -> Comparison:
    if one.name == name:
        return one
    low, high = one.interval
    return one._replace(name=name, reference=one.name, difference=-one.difference, interval=Interval(-high, -low))
