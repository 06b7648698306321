import pytest

from ilkit import stages
from ilkit.errors import WiringError
from ilkit.wiring.dvc import compile_pipeline
from ilkit.wiring.tracing import trace


def chain(params):
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    return stages.imitate(params.imitate, params.policy, demos)


def test_a_pipeline_is_traced_to_its_graph() -> None:
    graph = trace(chain)
    assert list(graph.nodes) == ["expert", "rollout", "imitate"]
    assert graph.outputs == ("imitate",)
    assert graph.nodes["imitate"].inputs["demos"].name == "rollout"
    assert graph.groups()["network"] == "network"


def test_several_reports_are_returned_as_a_tuple() -> None:
    def two(params):
        demos = stages.dataset(params.data, params.format, params.env)
        cloned = stages.imitate(params.imitate, params.policy, demos)
        return tuple(
            stages.evaluate(params.evaluate, params.env, demos, name=name, cloned=cloned) for name in ("one", "other")
        )

    graph = trace(two)
    assert graph.outputs == ("one", "other")
    compiled = compile_pipeline(graph, "two.py")
    assert "- artifacts/one/metrics.json\n- artifacts/other/metrics.json\n" in compiled
    assert "learning curves of other" in compiled


def test_curves_are_drawn_of_policies_and_not_of_rewards() -> None:
    def rewarded(params):
        demos = stages.dataset(params.data, params.format, params.env)
        learnt = stages.match(params.match, params.policy, params.env, demos)
        return stages.evaluate(params.evaluate, params.env, demos, ours=learnt.policy, theirs=learnt.reward)

    compiled = compile_pipeline(trace(rewarded), "rewarded.py")
    assert "learning_curves.tsv:\n      - ours\n" in compiled
    assert "- theirs" not in compiled


def test_one_block_can_serve_two_stages_under_two_names() -> None:
    def twice(params):
        demos = stages.rollout(params.rollout, params.env, stages.expert(params.expert, params.env))
        stages.imitate(params.imitate, params.policy, demos, name="first")
        return stages.imitate(params.imitate, params.policy, demos, name="second")

    assert [node.block for node in trace(twice).nodes.values()][-2:] == ["imitate", "imitate"]


def test_a_pipeline_says_which_blocks_the_parts_of_a_part_are() -> None:
    def two_networks(params):
        demos = stages.rollout(params.rollout, params.env, stages.expert(params.expert, params.env))
        stages.imitate(params.imitate, params.policy(network=params.recurrent), demos, name="first")
        return stages.imitate(params.imitate, params.policy, demos, name="second")

    graph = trace(two_networks)
    assert {block: graph.groups()[block] for block in ("recurrent", "network")} == dict.fromkeys(
        ("recurrent", "network"), "network"
    )
    compiled = compile_pipeline(graph, "two.py")
    first, second = compiled.split("  second:")
    assert "recurrent.${recurrent.kind}" in first
    assert "network.${network.kind}" not in first
    assert "recurrent" not in second


def test_a_part_that_a_part_does_not_have_is_refused() -> None:
    def misspelt(params):
        demos = stages.rollout(params.rollout, params.env, stages.expert(params.expert, params.env))
        return stages.imitate(params.imitate, params.policy(net=params.recurrent), demos)

    with pytest.raises(WiringError, match=r"takes as parts of a policy network=params.BLOCK; got net="):
        trace(misspelt)


def wrong_artifact(params):
    expert = stages.expert(params.expert, params.env)
    return stages.imitate(params.imitate, params.policy, expert)


def missing_argument(params):
    return stages.expert(params.expert)


def part_for_artifact(params):
    return stages.rollout(params.rollout, params.env, params.expert)


def artifact_for_part(params):
    expert = stages.expert(params.expert, params.env)
    return stages.rollout(params.rollout, expert, expert)


def same_name_twice(params):
    stages.expert(params.expert, params.env)
    return stages.expert(params.expert, params.env)


def block_in_two_groups(params):
    return stages.rollout(params.env, params.env, stages.expert(params.expert, params.env))


def returns_nothing(params):
    stages.expert(params.expert, params.env)


def calls_a_part(params):
    return stages.policy(params.policy)


def in_the_wrong_place(params):
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    asked = stages.prefer(params.prefer, params.labeler, demos)
    return stages.dataset(params.dataset, asked=asked)


def misspelt_argument(params):
    return stages.rollout(params.rollout, params.env, experts=stages.expert(params.expert, params.env))


def packed(params):
    demos = stages.rollout(params.rollout, params.env, stages.expert(params.expert, params.env))
    return stages.evaluate(params.evaluate, params.env, demos, {"one": demos})


def named_like_a_folder(params):
    return stages.expert(params.expert, params.env, name="far/off")


def named_like_the_first(params):
    return stages.expert(params.expert, params.env, name="components")


def reads_a_setting(params):
    return stages.expert(params.expert.lqr, params.env)


def takes_by_text(params):
    return stages.expert(params["expert"], params.env)


def compares(params):
    return stages.expert(params.expert, params.env) if params.seed > 1 else None


def has_no_fields(params):
    return stages.rollout(params.rollout, params.env, stages.expert(params.expert, params.env).policy)


def misspelt(params):
    return stages.expert(params.expert, parms.env)


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (wrong_artifact, r"imitate: demos must be Demonstrations, got Policy \(made by expert\)"),
        (missing_argument, r"stages\.expert takes \(params.expert, params.env\), .*missing a required argument: 'env'"),
        (in_the_wrong_place, r"asked must be Aggregate, got Preferences .*Hand it over as preferences\."),
        (misspelt_argument, r"rollout takes \(params.rollout, params.env, expert: Policy\).* Did you mean 'expert'"),
        (packed, r"expert must be Policy, got dict\. Unpack it"),
        (named_like_a_folder, "must be of letters, digits, _ and -, .*got 'far/off'"),
        (named_like_the_first, "and not 'components', got 'components'"),
        (reads_a_setting, r"line \d+: params.expert is a block.*got params.expert.lqr\. Hand over the block"),
        (takes_by_text, r"line \d+: Blocks are written params.NAME"),
        (compares, r"line \d+: '>' not supported .*Choose by kind in params.yaml"),
        (has_no_fields, "expert makes one artifact, and has no 'policy'. Hand over expert as it is"),
        (misspelt, r"line \d+: NameError: name 'parms' is not defined"),
        (part_for_artifact, "rollout: expert must be Policy, got the block params.expert"),
        (artifact_for_part, r"rollout: env must be a block of params \(params.env\), got Policy"),
        (same_name_twice, "Two stages are called 'expert'"),
        (block_in_two_groups, "'env' must serve one group, got rollout and env|got env and rollout"),
        (returns_nothing, "must return what its last stage makes, or a tuple of such, got NoneType"),
        (calls_a_part, "stages.policy must be a stage"),
    ],
)
def test_wrong_wiring_names_stage_argument_expected_and_given(pipeline, said: str) -> None:
    with pytest.raises(WiringError, match=said):
        trace(pipeline)


def test_stages_are_called_only_in_pipelines() -> None:
    with pytest.raises(WiringError, match="inside a function marked @pipeline"):
        stages.expert(None, None)
