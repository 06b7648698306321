"""What stages would refuse of the recordings that they are handed is found before anything runs."""

from typing import Any

import pytest

from ilkit import stages
from ilkit.planning.building import building_faults
from ilkit.planning.faults import plan_faults
from ilkit.planning.plan import Plan
from ilkit.wiring.tracing import trace

MAZE = {"point_maze": {"layout": ["####", "#..#", "####"], "max_steps": 40, "at_goal": "stay"}}
ROOM = {"point_room": {}}


def goals(params: Any) -> Any:
    expert = stages.expert(params.expert, params.env)
    demos = stages.rollout(params.rollout, params.env, expert)
    other = stages.rollout(params.other_rollout, params.other_env, stages.expert(params.other_expert, params.other_env))
    relabeled = stages.augment(params.augment, params.env, demos)
    joined = stages.join(params.join, here=relabeled, there=other)
    straight = stages.join(params.join, here=demos, there=other, name="straight")
    learnt = stages.imitate(params.imitate, params.policy, demos)
    asked = stages.prefer(params.prefer, params.labeler, demos)
    aligned = stages.align(params.align, learnt, asked)
    report = stages.evaluate(params.evaluate, params.test_env, demos, learnt=learnt)
    return report, aligned, stages.imitate(params.clone, params.policy, joined), straight


def plan_of(**changes: Any) -> Plan:
    chosen: dict[str, Any] = {
        "env": MAZE,
        "other_env": MAZE,
        "test_env": MAZE,
        "expert": {"waypoints": {}},
        "other_expert": {"waypoints": {}},
        "rollout": {"graded": {"action_noise": [0.3], "num_starts": 2}},
        "other_rollout": {"episodes": {}},
        "augment": {"none": {}},
        "join": {"episodes": {}},
        "network": {"mlp": {}},
        "policy": {"gaussian": {}},
        "imitate": {"gcbc": {}},
        "clone": {"bc": {}},
        "labeler": {"simulated": {}},
        "prefer": {"clips": {"same_start": True}},
        "align": {"dpo": {}},
        "evaluate": {"goals": {}},
        **changes,
    }
    blocks = {block: {"kind": next(iter(kinds)), **kinds} for block, kinds in chosen.items()}
    return Plan(trace(goals), {"seed": 0, "num_threads": 1, **blocks})


def faults(**changes: Any) -> list[str]:
    plan = plan_of(**changes)
    return plan_faults(plan) or list(building_faults(plan))


def test_recordings_that_fit_are_taken() -> None:
    assert not faults()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"imitate": {"gcbc": {"horizon": 41}}}, "imitate.gcbc.horizon: must be at most the steps of the"),
        ({"imitate": {"gcivl": {"horizon": 41}}}, "imitate.gcivl.horizon: must be at most the steps of the"),
        ({"imitate": {"gcivl": {"value_steps": 41}}}, "imitate.gcivl.value_steps: must be at most the steps of the"),
        ({"imitate": {"hiql": {"subgoal_steps": 41}}}, "imitate.hiql.subgoal_steps: must be at most the steps of the"),
        (
            {"augment": {"relabel": {"horizon": 41}}},
            "augment.relabel.horizon: must be at most the steps of the longest",
        ),
        (
            {"prefer": {"clips": {"length": 41, "same_start": True}}},
            "prefer.clips.length: must be at most the 40 steps",
        ),
    ],
)
def test_settings_beyond_the_longest_episode_are_found(changes: Any, said: str) -> None:
    (found,) = faults(**changes)
    assert found.startswith(said)
    assert "41" in found


@pytest.mark.parametrize(
    "rollout", [{"graded": {"action_noise": [0.3], "length": 16}}, {"episodes": {"max_steps": 16, "num_episodes": 4}}]
)
def test_episodes_that_are_cut_are_as_long_as_they_are_cut(rollout: Any) -> None:
    changes = {"rollout": rollout, "align": {"cpl": {}}, "prefer": {"clips": {"length": 17}}}
    (found,) = faults(**changes)
    assert found.startswith("prefer.clips.length: must be at most the 16 steps of an episode, got 17.")
    assert not faults(**{**changes, "prefer": {"clips": {"length": 16}}})


def test_clips_that_start_alike_are_of_several_tries() -> None:
    once = {"episodes": {"num_episodes": 4}}
    first, second = faults(rollout=once)
    assert first.startswith("prefer.clips.same_start: needs clips that start in the same state, and rollout.kind")
    assert "episodes records one try at each start. Record several: rollout.kind graded" in first
    assert second.startswith("align.dpo.allow_different_starts: needs clips that start in the same state")
    anywhere = {"prefer": {"clips": {}}, "rollout": once}
    assert not faults(**anywhere, align={"dpo": {"allow_different_starts": True}})
    assert not faults(**anywhere, align={"cpl": {}})
    (found,) = faults(rollout={"graded": {"action_noise": [0.3], "num_starts": 20}}, prefer={"clips": {}})
    assert "pairs are drawn of any two clips. Ask with prefer.clips.same_start, or set allow_different" in found
    (found,) = faults(rollout={"graded": {"tries": 1}}, prefer={"clips": {}})
    assert found.startswith("align.dpo.allow_different_starts")


def test_ranks_by_noise_are_of_the_tries_that_were_recorded() -> None:
    ranked = {"ranked": {"quality": "noise", "tries": 2}}
    few = {"graded": {"action_noise": [0.1, 0.2, 0.3], "tries": 3, "num_starts": 2}}
    (found,) = faults(rollout=few, prefer=ranked)
    assert found == "prefer.ranked.tries: must be that of the recording that is handed over, 3, got 2."
    assert not faults(rollout=few, prefer={"ranked": {"quality": "noise", "tries": 3}})


def test_one_start_for_all_is_alike_in_every_kind_of_rollout() -> None:
    cells = {"reach_grid": {}}
    assert not any("start" in fault for fault in faults(rollout={"episodes": {}}, env=cells, expert={"scripted": {}}))


def test_recordings_without_goals_are_found_where_goals_are_evaluated() -> None:
    found = faults(env={"point_mass": {}}, expert={"lqr": {}}, imitate={"bc": {}})
    (told,) = (fault for fault in found if fault.startswith("evaluate.goals.demos"))
    assert told.startswith("evaluate.goals.demos: observations must be a dict with achieved_goal and desired_goal")
    assert told.endswith("a recording gets them by dataset.file.goal.")
    (told,) = (fault for fault in found if fault.startswith("learnt: must be of test_env, whose observations are dict"))
    assert "got box of size 4 from env" in told


def test_a_policy_without_a_clock_is_evaluated_where_one_is_shown() -> None:
    maze = MAZE["point_maze"]
    assert not faults(test_env={"point_maze": {**maze, "show_horizon": True}})
    (found,) = faults(test_env={"point_maze": {**maze, "at_goal": "new_goal"}})
    assert found.startswith("evaluate.goals.env: must tell one goal an episode, got another one at each.")


def test_what_differs_between_recordings_that_are_put_together_is_said() -> None:
    (found,) = faults(other_env=ROOM, other_expert={"scripted": {}})
    assert found.startswith(
        "there: must have the spaces of here, with which straight puts it together, whose observations"
    )
    assert "there is recorded in other_env, here in env: choose environments" in found
