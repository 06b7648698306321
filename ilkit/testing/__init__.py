"""The conformance kit: what every component must do, as tests that a plug-in runs over its own."""

from ilkit.testing.conformance import Check, checks

__all__ = ["Check", "checks"]
