"""What a report says of what made it."""

import json

import numpy as np

from ilkit.data.report import Report
from ilkit.reporting.provenance import Block, Origin, Provenance, with_provenance

REPORT = Report({"cloned": {"iqm": 1.0}}, {}, "<html><body><h1>A</h1></body></html>", "cloned 1.0\n")
PROVENANCE = Provenance(
    {"seed": 3, "num_threads": 1},
    (
        Origin(
            "rollout", (Block("rollout", "episodes", {"episodes": {"num_episodes": 4, "label": "<executed>"}}),), {}
        ),
        Origin(
            "imitate",
            (Block("imitate", "bc", {"bc": {"rate": np.inf}}), Block("network", "mlp", {"mlp": {}})),
            {"demos": "rollout"},
        ),
        Origin("evaluate", (Block("evaluate", "returns", {"returns": {}}),), {"demos": "other", "cloned": "imitate"}),
    ),
    {"cloned": ("rollout",)},
    {"other": (2, 10)},
)


def test_the_page_says_it_at_its_end_and_what_it_said_before_stays():
    html = with_provenance(REPORT, PROVENANCE).html
    assert html.startswith("<html><body><h1>A</h1><section")
    assert html.endswith("</section>\n</body></html>")
    assert html.count("<details>") == 3
    assert "rollout:\n  kind: episodes\n  episodes:\n    num_episodes: 4\n" in html
    assert "&lt;executed&gt;" in html
    assert "rate: .inf" in html
    assert "network:\n  kind: mlp\n  mlp: {}" in html
    assert "<code>seed: 3</code>" in html
    assert "dvc repro evaluate" in html
    assert "ilkit run rollout &amp;&amp; ilkit run imitate &amp;&amp; ilkit run evaluate" in html


def test_a_policy_is_said_to_have_learnt_from_its_own_demonstrations_and_not_from_those_handed_in():
    html = with_provenance(REPORT, PROVENANCE).html
    assert "<code>cloned</code> learnt from <code>rollout</code>." in html
    assert "(2 episodes" not in html
    handed = with_provenance(REPORT, PROVENANCE._replace(sizes={"rollout": (4, 200)})).html
    assert "<code>rollout</code> (4 episodes, 200 steps)." in handed
    single = with_provenance(REPORT, PROVENANCE._replace(sizes={"rollout": (1, 1)})).html
    assert "<code>rollout</code> (1 episode, 1 step)." in single


def test_policies_that_learnt_from_the_same_are_named_together():
    learnt = {"cloned": ("rollout",), "tuned": ("rollout", "more"), "again": ("rollout",)}
    html = with_provenance(REPORT, PROVENANCE._replace(learnt_from=learnt)).html
    assert "<p><code>cloned</code>, <code>again</code> learnt from <code>rollout</code>.</p>" in html
    assert "<p><code>tuned</code> learnt from <code>rollout</code>, <code>more</code>.</p>" in html


def test_what_is_to_remark_on_a_policy_is_said_on_the_page_and_in_the_metrics():
    said = with_provenance(REPORT, PROVENANCE._replace(remarks={"tuned": ("no success found",), "cloned": ()}))
    assert "<p><code>tuned</code>: no success found.</p>" in said.html
    assert said.metrics["made_by"]["remarks"] == ["`tuned`: no success found"]
    assert "remarks" not in with_provenance(REPORT, PROVENANCE).metrics["made_by"]


def test_metrics_say_it_in_lists_that_are_valid_json():
    metrics = with_provenance(REPORT, PROVENANCE).metrics
    made_by = json.loads(json.dumps(metrics, allow_nan=False))["made_by"]
    assert made_by["settings"] == ["seed: 3", "num_threads: 1"]
    assert made_by["stages"][1]["blocks"]["imitate"] == {"kind": "bc", "bc": {"rate": ".inf"}}
    assert made_by["learnt_from"] == ["`cloned` learnt from `rollout`"]
    assert all(isinstance(entry, list) for entry in made_by.values())
    assert metrics["cloned"] == REPORT.metrics["cloned"]


def test_a_report_without_a_page_stays_without_one():
    assert with_provenance(Report({}), PROVENANCE).html == ""
