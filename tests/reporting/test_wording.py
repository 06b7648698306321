"""What is said in words."""

from ilkit.reporting.wording import counted_seeds


def test_seeds_are_told_together_where_all_have_as_many() -> None:
    assert counted_seeds({"one": 5}) == "one (5 training seeds)"
    assert counted_seeds({"one": 5, "two": 5}) == "one, two (5 training seeds each)"
    assert counted_seeds({"one": 5, "two": 1}) == "one (5 training seeds), two (1 training seed)"
