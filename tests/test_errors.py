"""Messages of what is named and isn't there."""

import pytest

from ilkit.errors import DataError, counted, held, nearest, refuse, unknown_faults


def test_each_name_that_is_not_there_is_told_once_with_the_nearest_one() -> None:
    found = [*unknown_faults("published", "policies", ["bc", "gial", "gial", "x"], {"bc", "gail"})]
    assert found == [
        "published: must name policies, got 'gial'. Did you mean 'gail'?",
        "published: must name policies, got 'x'. Choose from: bc, gail.",
    ]
    with pytest.raises(DataError, match=r"^evaluate\.published: must name policies, got 'gial'"):
        refuse("evaluate", found)
    refuse("evaluate", unknown_faults("published", "policies", ["bc"], ["bc"]))


def test_where_there_is_nothing_it_is_said() -> None:
    assert nearest("bc", []) == "There are none to choose from."
    assert held([]) == "There is nothing."
    assert held(map(str, range(9)), most=2) == "There are 0, 1 and 7 more."


def test_a_count_has_its_noun_in_the_plural_where_it_is_not_one() -> None:
    assert [counted(1, "entry"), counted(2, "entry"), counted(1200, "pair")] == ["1 entry", "2 entries", "1,200 pairs"]
