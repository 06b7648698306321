from ilkit.reporting.columns import aligned


def test_names_are_flush_left_and_numbers_flush_right() -> None:
    rows = [("", "min", "max"), ("speed", "1", "10"), ("x", "-20", "")]
    assert aligned(rows) == ["       min  max", "speed    1   10", "x      -20"]
    assert aligned(rows, left=3, gap=1) == ["      min max", "speed 1   10", "x     -20"]
