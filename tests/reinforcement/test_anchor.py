"""What a policy is held near."""

from ilkit.reinforcement.anchor import anchor_of
from ilkit.testing.problems import tracking_expert


def test_an_anchor_is_dropped_without_a_weight_and_kept_at_weight_zero() -> None:
    assert anchor_of(tracking_expert("continuous"), None) is None
    anchor = anchor_of(tracking_expert("continuous"), 0.0)
    assert anchor is not None
    assert float(anchor.weight) == 0.0
