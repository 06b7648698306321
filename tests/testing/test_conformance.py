"""Every component that ilkit brings passes the conformance kit."""

import json
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from ilkit.artifact.store import save
from ilkit.asking.queue import OpenQuestionsError, names_of
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.seeds import Seeds
from ilkit.format import npz
from ilkit.registry.find import declarations
from ilkit.running.questions import show
from ilkit.testing import Check, checks
from ilkit.testing.problems import GAIN, demonstrations, environment, tracking_expert
from ilkit.testing.stand_ins import preferences

ROUNDS = {"num_envs": 2, "num_gradient_steps": 200, "learning_rate": 1e-2}
"""Learning by interaction, where little is needed."""

MATCHING = {
    **{"num_minibatches": 4, "critic_hidden": [16], "discriminator_hidden": [32], "discriminator_batch_size": 128},
    **{"learning_rate": 3e-3, "discriminator_learning_rate": 3e-3, "num_steps": 400, "discount": 0.5},
}
"""Matching by trial, where what a step does is over with it."""

ASKING = {
    "actions": "discrete",
    "settings": {
        **{"num_steps": 20, "queries_per_step": 10, "updates_per_query": 2, "length": 1, "learning_rate": 1e-2},
    },
}
"""Alignment by questions about single steps."""

IN_TABLES = {
    "env": {"kind": "grid_world", "layout": ["..G", ".#.", "..X"], "ends": "G", "max_steps": 10},
    "policy": {"kind": "categorical"},
}
"""Where all probabilities are known."""

GOALS = {"kind": "point_room", "max_steps": 8}
"""An environment that tells where to go."""

MAZE = {"kind": "point_maze", "layout": ["######", "#....#", "######"], "speed": 1.0, "max_steps": 20}
"""A maze that is a corridor."""

OPTIONS: dict[tuple[str, str], dict[str, Any]] = {
    **{("align", kind): {"actions": "discrete"} for kind in ("cpl", "dpo", "hinge", "ipo")},
    **{("align_online", kind): ASKING for kind in ("dpo", "ipo")},
    ("augment", "mirror"): {"parts": {"env": {"kind": "point_mass"}}, "draws": False},
    ("augment", "none"): {"draws": False},
    ("augment", "relabel"): {"parts": {"env": GOALS}},
    ("augment", "side_cameras"): {
        "parts": {"env": {"kind": "lane_keeping", "observed": "recording", "height": 8, "width": 10, "max_steps": 8}},
        "draws": False,
    },
    ("condition", "goal"): {"parts": {"env": GOALS}, "actions": "discrete", "settings": {"goal": [0.25, -0.25]}},
    ("condition", "task"): {"settings": {"recording": "second"}},
    ("dataset", "answers"): {"draws": False},
    ("dataset", "artifact"): {"draws": False},
    ("dataset", "chosen"): {"draws": False},
    ("dataset", "file"): {"draws": False},
    ("env", "cliff"): {"draws": False},
    ("env", "deep_sea"): {"draws": False},
    ("env", "grid_world"): {"settings": {"layout": ["..G", ".#.", "..X"], "ends": "G"}},
    ("env", "point_maze"): {"settings": {"layout": "arena", "at_goal": "new_goal", "max_steps": 40}},
    ("env", "rope"): {"draws": False},
    ("evaluate", "covariate_shift"): {"settings": {"num_permutations": 99}},
    ("evaluate", "compounding"): {"settings": {"horizons": [2, 4, 8]}},
    ("evaluate", "goals"): {
        "parts": {"env": GOALS, "policy": {"kind": "categorical"}},
        "settings": {"num_episodes": 4, "num_resamples": 100},
    },
    ("evaluate", "frontier"): {
        "actions": "discrete",
        "parts": {"env": {"kind": "bandit", "context_size": 2}},
        "settings": {"num_contexts": 64, "num_points": 5},
    },
    ("evaluate", "occupancies"): {"parts": IN_TABLES, "settings": {"num_resamples": 100}, "draws": False},
    ("evaluate", "tries"): {"settings": {"num_starts": 4, "num_tries": 8, "threshold": -4.0}},
    ("env", "lane_keeping"): {"settings": {"height": 8, "width": 10, "max_steps": 40}},
    ("expert", "checkpoint"): {"draws": False},
    ("expert", "energy_pump"): {"parts": {"env": {"kind": "mountain_car_continuous"}}, "draws": False},
    ("expert", "lqr"): {"parts": {"env": {"kind": "point_mass"}}, "draws": False},
    ("expert", "mlp"): {"draws": False},
    ("expert", "planned"): {"parts": {"env": {"kind": "mountain_car"}}, "settings": {"num_points": 31}, "draws": False},
    ("expert", "scripted"): {"parts": {"env": {"kind": "recall"}}, "draws": False},
    ("expert", "swing_up"): {"parts": {"env": {"kind": "pendulum"}}, "draws": False},
    ("expert", "wander"): {"parts": {"env": MAZE}, "draws": False},
    ("expert", "waypoints"): {"parts": {"env": MAZE}, "draws": False},
    ("finetune", "bootstrapped_dqn"): {
        "actions": "discrete",
        "parts": {"exploration": {"kind": "none"}},
        "settings": {"num_heads": 3, "critic_hidden": [16], "prior_scale": 0.5, "discount": 0.5, "num_steps": 300},
    },
    ("finetune", "best_of_n"): {"settings": {"critic_warmup_steps": 50, "num_actions": 64, "critic_hidden": (32,)}},
    ("finetune", "dsrl"): {"settings": {"critic_warmup_steps": 50, "noise_bound": 3.0, "discount": 0.5}},
    ("finetune", "expert_query"): {"parts": {"network": {"kind": "graph_conditioned"}}},
    ("finetune", "dapg"): {"settings": {"critic_warmup_steps": 2, "max_divergence": 0.1, "num_steps": 40}},
    ("finetune", "filtered_bc"): {
        "settings": {"demo_batch_size": 16, "num_gradient_steps": 10, "num_steps": 40, "learning_rate": 1e-2}
    },
    ("finetune", "none"): {"parts": {"exploration": {"kind": "isotropic"}}},
    ("finetune", "policy_execution"): {"parts": {"network": {"kind": "graph_conditioned"}}},
    ("finetune", "rlpd"): {
        "parts": {"policy": {"kind": "gaussian", "squash": True}},
        "settings": {
            **{"num_envs": 8, "updates_per_env_step": 2, "num_critics": 3, "critic_hidden": [16]},
            **{"batch_size": 32, "demo_batch_size": 16, "critic_warmup_steps": 100},
            **{"initial_temperature": 1e-3, "learning_rate": 1e-3, "num_steps": 400},
        },
    },
    ("finetune", "sac"): {
        "parts": {"policy": {"kind": "gaussian", "squash": True}, "exploration": {"kind": "own_density"}},
        "settings": {"critic_warmup_steps": 100, "initial_temperature": 1e-3, "learning_rate": 1e-3},
    },
    ("interact", "dagger"): {"settings": ROUNDS},
    ("interact", "ensemble_dagger"): {"settings": ROUNDS | {"num_members": 2}},
    ("imitate", "gcbc"): {"parts": {"env": GOALS}, "actions": "discrete", "settings": {"relative": True}},
    ("imitate", "gcivl"): {"parts": {"env": GOALS}, "actions": "discrete", "settings": {"value_hidden": [8]}},
    ("imitate", "hiql"): {
        "parts": {"env": GOALS},
        "actions": "discrete",
        "settings": {"value_hidden": [8], "subgoal_steps": 2, "relative": True},
    },
    ("imitate", "landmarks"): {"parts": {"env": GOALS}, "actions": "discrete", "settings": {"num_landmarks": 10}},
    ("interact", "gcsl"): {
        "parts": {"env": GOALS},
        "actions": "discrete",
        "settings": {"num_rounds": 4, "updates": 5, "num_envs": 2},
    },
    ("interact", "hg_dagger"): {"settings": ROUNDS | {"num_members": 2}},
    ("interact", "safe_dagger"): {"settings": ROUNDS},
    ("interact", "thrifty_dagger"): {"settings": ROUNDS | {"num_members": 2}},
    ("join", "episodes"): {"draws": False},
    ("join", "one_hot"): {"draws": False},
    ("join", "settings"): {
        "settings": {"tasks": {"first": {"mass": 1.0, "length": 2.0}, "second": {"mass": 0.1, "length": 2.0}}},
        "draws": False,
    },
    ("prefer", "clips"): {"settings": {"length": 4}},
    ("prefer", "ranked"): {"settings": {"length": 4}},
    ("match", "airl"): {"actions": "discrete", "settings": MATCHING | {"inputs": "state_action"}},
    ("match", "constant"): {"settings": {"num_steps": 4}},
    ("match", "f_divergence"): {"settings": MATCHING},
    ("match", "gail"): {"settings": MATCHING},
    ("match", "max_ent"): {"parts": IN_TABLES, "settings": {"num_steps": 40}, "draws": False},
    ("match", "mce"): {"parts": IN_TABLES, "settings": {"reward": "network", "hidden": [8], "num_steps": 40}},
    ("match", "sqil"): {"actions": "discrete", "settings": {"demo_batch_size": 16, "discount": 0.5}},
    ("network", "cnn"): {
        "settings": {"channels": (8,), "kernel_sizes": (1,), "strides": (1,)},
        "observation_shape": (1, 2, 1),
    },
    ("policy", "autoregressive"): {"settings": {"hidden": [16], "features": 8, "num_bins": 32}},
    ("policy", "categorical"): {"actions": "discrete"},
    ("policy", "cvae"): {"settings": {"hidden": [32], "features": 8, "latent": 2}},
    ("policy", "diffusion"): {"settings": {"hidden": [32], "features": 8}},
    ("policy", "energy"): {"settings": {"hidden": [32], "features": 8, "num_negatives": 32}},
    ("policy", "flow"): {"settings": {"hidden": [64, 64], "features": 8}},
    ("rollout", "graded"): {"settings": {"num_starts": 8, "action_noise": [0.0, 0.5]}},
    # So little noise that recorded actions lead to what follows, as the check wants it.
    ("rollout", "dart"): {"settings": {"alpha": 1e-12, "num_rounds": 2, "num_gradient_steps": 50, "hidden": [8]}},
}


def kinds() -> list[tuple[str, str]]:
    """All but the environment that can't be stepped, of which `tests/env/test_recorded.py` says what holds."""
    points = distribution("ilkit").entry_points
    found = [(point.group.removeprefix("ilkit."), point.name) for point in points]
    return [(block, kind) for block, kind in found if block in declarations() and (block, kind) != ("env", "recorded")]


LEAVE_WEIGHTS = {("finetune", "expert_query"), ("finetune", "none"), ("finetune", "policy_execution")}
"""What only chooses entries of an observation, or only explores, improves no untrained policy:
tests/finetune/test_graph_search.py, tests/evaluate/test_tries.py."""


LEARN_NOTHING = {("imitate", "none")}
"""What leaves all learning to reinforcement: tests/imitate/test_none.py."""


PLAY = {("expert", "wander")}
"""What goes nowhere on purpose: tests/expert/test_wander.py."""


KNOW_NO_EXPERT = {
    ("match", "constant"),
    ("match", "max_ent"),
    ("match", "mce"),
    ("interact", "gcsl"),
    ("imitate", "gcbc"),
    ("imitate", "gcivl"),
    ("imitate", "hiql"),
    ("imitate", "landmarks"),
}
"""What is led by no demonstration, the control of what is: tests/match/test_constant.py; what works in tables alone, in
which the problem with the known expert doesn't fit: tests/match/test_tables.py; what takes any episode for one that
shows how to get where it got: tests/interact/test_gcsl.py, and tests/imitate/test_KIND.py of each."""


TAKE_ALL_AS_GOALS = {
    ("imitate", "gcbc"),
    ("imitate", "gcivl"),
    ("imitate", "hiql"),
    ("imitate", "landmarks"),
    ("interact", "gcsl"),
}
"""To what any step led is a goal, though its action may count nothing: tests/imitate/test_gcbc.py."""


def all_checks() -> list[Check]:
    return [
        check
        for kind in kinds()
        for check in checks(*kind, **OPTIONS.get(kind, {}))
        if not (kind in LEAVE_WEIGHTS and str(check).endswith("improves_the_policy"))
        and not (kind in KNOW_NO_EXPERT and str(check).endswith(("comes_near_the_expert", "recovers_the_expert")))
        and not (kind in TAKE_ALL_AS_GOALS and str(check).endswith("what_counts_nothing_changes_no_bit"))
        and not (kind in PLAY and str(check).endswith("beats_random_actions"))
        and not (kind in LEARN_NOTHING and str(check).endswith("recovers_the_expert"))
    ]


def compared(recorded: Demonstrations, folder: Path) -> None:
    """What the kinds of `comparisons` read by default."""
    pairs = [(better, worse) for better in range(5) for worse in range(5) if better != worse]
    (folder / "rankings.csv").write_text("better,worse\n" + "".join(f"{one},{two}\n" for one, two in pairs))
    lines = [json.dumps({"chosen": f"yes {one} {two}", "rejected": f"no {one}"}) for one, two in pairs]
    (folder / "comparisons.jsonl").write_text("\n".join(lines))
    rows = np.arange(20)[:, None] + np.arange(3)
    sides = {"": rows, "_2": rows[::-1]}
    obs, actions = recorded.before(), recorded.actions
    arrays = {
        f"{name}{side}": column[at]
        for side, at in sides.items()
        for name, column in (("observations", obs), ("actions", actions))
    }
    np.savez(folder / "comparisons.npz", **arrays, labels=np.ones(20))


def answered(folder: Path) -> None:
    """What a person has said of the pairs that the kit asks about."""
    pairs = preferences(environment("continuous")(), 16)
    sides = pairs.first, pairs.second
    show(OpenQuestionsError(Path("questions"), names_of(*sides), *sides), folder, None)
    table = folder / "questions" / "answers.csv"
    table.write_text(table.read_text().replace(",\n", ",first\n"))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `checkpoint`, `mlp` and the kinds of `dataset`, `comparisons` and `labeler` read by default, in a folder."""
    folder = tmp_path_factory.mktemp("project")
    np.savez(folder / "expert.npz", w0=GAIN.T, b0=np.zeros(2), log_std=np.full(2, -2.0))
    save(Seeds(jax.tree.map(lambda leaf: leaf[None], tracking_expert("continuous")), {}, 1), folder / "expert")
    recorded = demonstrations(5, "continuous", left=True)
    save(recorded, folder / "demos")
    npz.format(npz.NPZ()).write(recorded, folder / "demonstrations.npz")
    compared(recorded, folder)
    answered(folder)
    return folder


@pytest.fixture(autouse=True)
def _in_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of other files come between components, so that no folder can be current for all of these at once."""
    monkeypatch.chdir(project)


@pytest.mark.parametrize("check", all_checks(), ids=str)
def test_conformance(check: Check) -> None:
    check()
