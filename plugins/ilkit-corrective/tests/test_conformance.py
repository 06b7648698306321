"""ilkit's conformance kit over the kinds of this plug-in."""

import pytest

from ilkit.testing import Check, checks

SMALL = {"hidden": [16], "num_steps": 200, "max_error": 5.0}


@pytest.mark.parametrize(
    "check",
    [
        *checks("augment", "ccil", settings=SMALL | {"label": "disturbed_action", "num_labels": 2}),
        *checks("augment", "corrective", settings={"label": "back_track"}, draws=False),
    ],
    ids=str,
)
def test_conformance(check: Check) -> None:
    check()
