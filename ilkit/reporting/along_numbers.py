"""What is told of policies as they were along their training: numbers, a table and a few lines, without figures."""

from collections.abc import Mapping

from ilkit.data.report import Metrics, Table
from ilkit.measuring.along_training import AlongTraining
from ilkit.reporting.columns import by_name
from ilkit.reporting.wording import UNITS, number


def falls_of(along: Mapping[str, AlongTraining], decimals: int) -> list[str]:
    """How far policies fell below where they started: each of two, of more the one that fell deepest."""
    if len(along) <= 2:
        return [_fall(name, one, decimals) for name, one in along.items()]
    depths = {name: 0.0 if one.fall is None else one.fall.start - one.fall.lowest for name, one in along.items()}
    deepest, unharmed = max(depths, key=lambda name: depths[name]), [name for name in depths if not depths[name]]
    if len(unharmed) == len(depths):
        return ["In training no policy was ever below where it started."]
    never = ", ".join(f"`{name}`" for name in unharmed)
    told = f"{_fall(deepest, along[deepest], decimals)} None fell deeper."
    return [told + (f" Never below where they started: {never}." if unharmed else "")]


def along_metrics(one: AlongTraining) -> Metrics:
    """Where it started, its lowest point, and its deepest fall."""
    fall, share = one.fall, one.lowest_share
    return {
        "start": one.start,
        "lowest": float(one.curve.rows.min()),
        **({} if share is None else {"lowest_share": share}),
        "fall": 0.0 if fall is None else fall.start - fall.lowest,
        **({} if fall is None else {"fall_seed": fall.seed, f"fall_{one.curve.unit}": fall.step}),
    }


def along_table(along: Mapping[str, AlongTraining], outcome: str) -> Table:
    """A row for each policy, seed and point."""
    tables = [one.table(name, outcome) for name, one in along.items()]
    return by_name(tuple(tables[0]), [row for table in tables for row in zip(*table.values(), strict=True)])


def _fall(name: str, one: AlongTraining, decimals: int) -> str:
    fall, share = one.fall, one.lowest_share
    if fall is None:
        return f"In training `{name}` was never below where it started ({number(one.start, decimals)})."
    seed = f"seed {fall.seed}, " if len(one.curve.rows) > 1 else ""
    told = "" if share is None else f" The lowest share of any seed's way from random to its start was {share:.2f}."
    way = f"from {number(fall.start, decimals)} to {number(fall.lowest, decimals)}"
    return f"In training `{name}` fell {way} ({seed}after {fall.step:,} {UNITS[one.curve.unit]}).{told}"
