"""Alignment in a report: how far a policy's margins agree with answers, and what became of the clips of a pair."""

from collections.abc import Iterator, Mapping

from ilkit.measuring.curves import Curve
from ilkit.reporting.curve_sections import curve_sections
from ilkit.reporting.findings import Findings
from ilkit.reporting.page import Section

_SHOWN = {
    "accuracy": (
        "Agreement with answers",
        "share of answers",
        "The share of answers, of those that a policy learns from, that its margin agrees with; a margin of 0 and a "
        "tie count one half.",
    ),
    "chosen_reward": (
        "Reward of preferred clips",
        "β log π / π_ref, preferred",
        "How much likelier than by the reference the preferred clips became, times β. It may fall while the margin "
        "grows, if that of the others falls faster.",
    ),
    "rejected_reward": (
        "Reward of the other clips",
        "β log π / π_ref, others",
        "The same of the clips that weren't preferred.",
    ),
}


def is_alignment(curves: Mapping[str, Curve]) -> bool:
    """Whether these are the curves of who learns from answers by likelihoods."""
    return {"chosen_reward", "rejected_reward"} <= set(curves)


def alignment_sections(findings: Findings) -> Iterator[Section]:
    """Curves of the policies that learnt from answers, each quantity in its own words."""
    aligned = {policy: curves for policy, curves in findings.curves.items() if is_alignment(curves)}
    for name, (title, label, caption) in _SHOWN.items():
        recorded = {policy: curves[name] for policy, curves in aligned.items() if name in curves}
        yield from curve_sections(title, recorded, findings.policies, label=label, caption=caption)
