"""What a comparison says, in plain words."""

from collections.abc import Mapping

from ilkit.math.statistics import Interval, units_for
from ilkit.measuring.comparison import Comparison, Score


def number(value: float | int, decimals: int, *, signed: bool = False) -> str:
    """A number with its digits grouped, and without a sign where it is rounded to zero."""
    text = f"{value:+,.{decimals}f}" if signed else f"{value:,.{decimals}f}"
    return text if text.strip("+-0.") else text.lstrip("+-")


def share(rate: float, interval: Interval) -> str:
    """A share of episodes with its interval."""
    return f"{rate:.0%} ({interval.low:.0%} to {interval.high:.0%})"


def few_seeds(num_seeds: int, confidence: float) -> list[str]:
    """What an interval over so few training seeds is worth; nothing where there are enough."""
    enough = units_for(confidence)
    if num_seeds == 1:
        return [f"One training seed doesn't tell how others would differ: train with {enough} or more."]
    if num_seeds < enough:
        return [
            f"With {num_seeds} training seeds an interval of returns spans them all and yet covers only "
            f"{1 - 2 ** (1 - num_seeds):.0%} of the time, not {confidence:.0%}: train with {enough} or more."
        ]
    return []


def verdict(
    scores: Mapping[str, Score],
    comparisons: list[Comparison],
    *,
    confidence: float,
    decimals: int,
    demonstrated: bool = False,
) -> str:
    """Which policy is best and by how much, in plain words and whatever the outcome."""
    ranked = sorted(scores, key=lambda name: -scores[name].iqm)
    best = ranked[0]
    if len(ranked) == 1:
        score = f"{number(scores[best].iqm, decimals)} ({_told(scores[best].interval, confidence, decimals)})"
        way, reference = scores[best].normalized, "what was demonstrated" if demonstrated else "expert"
        return f"`{best}` returns {score}" + (
            "." if way is None else f", {way:.0%} of the way from random to {reference}."
        )
    against = [_as_seen_from(best, one) for one in comparisons if best in (one.name, one.reference)]
    against.sort(key=lambda one: ranked.index(one.reference))
    opening = f"`{best}` is best: it" if against[0].clear else f"No policy is clearly best: `{best}`"
    margins = ", and ".join(_margin(one, confidence, decimals) for one in against)
    overlap = "overlap" if against[0].overlap else "don't overlap"
    sentences = [f"{opening} returns {margins}.", f"The intervals of `{best}` and `{against[0].reference}` {overlap}."]
    first = next(iter(scores))
    paired = [one for one in comparisons if one.reference == first and one.num_seeds > 1]
    if paired:
        below = ", ".join(f"{one.num_below} of {one.num_seeds} (`{one.name}`)" for one in paired)
        sentences.append(f"Seeds that end below `{first}`: {below}.")
    return " ".join(sentences)


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
