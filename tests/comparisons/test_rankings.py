"""Tables of pairs of episodes."""

from pathlib import Path

import jax
import numpy as np
import pytest

from ilkit.artifact.store import save
from ilkit.comparisons.rankings import Rankings, comparisons
from ilkit.data.preferences import Preferences
from ilkit.errors import DataError
from ilkit.testing import problems
from ilkit.testing.comparison import difference

DEMOS = problems.demonstrations(6, "continuous")


def read(folder: Path, table: str, env=None) -> Preferences:
    save(DEMOS, folder / "demos")
    (folder / "rankings.csv").write_text(table)
    spec = Rankings(path=folder / "rankings.csv", demos=folder / "demos")
    return comparisons(spec, env, key=jax.random.key(0))


def test_each_line_is_a_pair_of_whole_episodes(tmp_path: Path) -> None:
    table = "better,worse\n" + "".join(f"{one},{(one + 1) % 6}\n" for one in range(6))
    made = read(tmp_path, table, problems.environment("continuous"))
    assert not difference(made.chosen(), DEMOS)
    assert {0.0, 1.0} == set(made.probability.tolist())


def test_shares_are_kept(tmp_path: Path) -> None:
    made = read(tmp_path, "worse,share,better\n1,0.75,0\n2,0.5,3\n")
    assert set(made.take(np.asarray([0])).probability.tolist()) <= {0.25, 0.75}
    assert made.probability[1] == 0.5


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("first,second\n0,1\n", "must begin with a line `better,worse`"),
        ("better,worse\n0,one\n", "line 2: two numbers of episodes are wanted"),
        ("better,worse\n0,1\n2\n", "line 3: two numbers of episodes are wanted"),
        ("better,worse\n0,6\n", "numbered from 0 to 5, got 6"),
        ("better,worse\n-1,0\n", "numbered from 0 to 5, got -1"),
        ("better,worse\n2,2\n", "better than itself"),
        ("better,worse,share\n0,1,1.5\n", "from 0 to 1, got 1.5"),
        ("better,worse\n", "at least one pair"),
    ],
)
def test_what_is_no_ranking_is_refused_with_its_line(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(tmp_path, table)


def test_something_else_than_demonstrations_is_refused(tmp_path: Path) -> None:
    save({"a": np.zeros(1)}, tmp_path / "demos")
    with pytest.raises(DataError, match="must be the artifact of demonstrations"):
        comparisons(Rankings(path=tmp_path / "rankings.csv", demos=tmp_path / "demos"), key=jax.random.key(0))
