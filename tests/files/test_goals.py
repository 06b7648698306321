"""Recordings without goals get some, whatever their format."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment
from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.goal_settings import Goal
from ilkit.data.policy import Policy
from ilkit.dataset import file
from ilkit.env import point_room
from ilkit.errors import DataError
from ilkit.files.goals import give_goals
from ilkit.format import npz
from ilkit.imitate.gcbc import GCBC, imitate
from ilkit.running import loop
from ilkit.testing.arguments import Options, part
from ilkit.testing.stand_ins import wandering
from tests.format.formats import FORMATS, demonstrations, imported, written

KEY = jax.random.key(0)


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_every_format_gives_the_goal_that_was_achieved_at_the_end(kind: str, tmp_path: Path) -> None:
    path, repeat = written(kind, tmp_path), {"final_obs": "repeat"} if kind == "lerobot" else {}
    bare = imported(kind, path, **repeat)
    got = imported(kind, path, goal=Goal(achieved=(2, 0)), **repeat)
    assert list(got.obs) == [ACHIEVED, DESIRED, "observation"]
    np.testing.assert_array_equal(got.obs["observation"], bare.obs)
    np.testing.assert_array_equal(got.obs[ACHIEVED], bare.obs[:, [2, 0]])
    ends = np.cumsum(bare.lengths + 1) - 1
    np.testing.assert_array_equal(got.obs[DESIRED], np.repeat(bare.obs[ends][:, [2, 0]], bare.lengths + 1, axis=0))
    np.testing.assert_array_equal(got.rewards, bare.rewards)
    assert got.spaces.observation == Goal(achieved=(2, 0)).space(bare.spaces.observation)


def test_a_tolerance_makes_rewards_of_being_there() -> None:
    demos = demonstrations()
    got = give_goals(demos, Goal(achieved=(0,), desired=(1,), tolerance=0.5), Path("mine"))
    led_to = demos.after()
    np.testing.assert_array_equal(got.rewards, np.abs(led_to[:, 0] - led_to[:, 1]) <= 0.5)
    assert 0 < got.rewards.mean() < 1
    np.testing.assert_array_equal(got.obs["observation"], demos.obs[:, [0, 2]])
    again = give_goals(got, Goal(tolerance=100.0), Path("mine"))
    assert (again.rewards == 1).all()
    jax.tree.map(np.testing.assert_array_equal, again.obs, got.obs)


def test_the_end_of_an_episode_is_its_own_goal_and_counts_as_reached() -> None:
    demos = demonstrations()
    got = give_goals(demos, Goal(achieved=(0, 1), tolerance=0.01), Path("mine"))
    np.testing.assert_array_equal(got.rewards, demos.at_last_step(np.ones(demos.num_episodes)))


def test_a_tolerance_of_0_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="nothing can succeed"):
        give_goals(demonstrations(), Goal(achieved=(0, 1), tolerance=0.0), Path("mine"))


def test_what_is_no_goal_is_refused_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"recording: goal\.achieved: must be numbers of 3 entries, from 0, got 3\."):
        imported("npz", written("npz", tmp_path), goal=Goal(achieved=(0, 3)))


def recorded(room: Environment, folder: Path) -> None:
    """A recording of one's own, without goals: places and moves alone."""
    demos = wandering(room, 100)
    arrays = {"observations": demos.obs[ACHIEVED], "actions": demos.actions, "episode_lengths": demos.lengths}
    np.savez(folder / "mine.npz", **arrays)


def learnt(demos: Demonstrations) -> Policy:
    chosen = Options(parts={"policy": {"kind": "categorical"}, "network": {"kind": "mlp", "hidden": [32]}})
    spec = GCBC(num_steps=1500, learning_rate=3e-3)
    return loop.train(lambda *, key: imitate(spec, part("policy", chosen), demos, key=key), key=KEY)[0]


def test_a_recording_of_ones_own_teaches_to_go_where_one_is_told(tmp_path: Path) -> None:
    room = Build("env", "point_room", point_room.env, point_room.PointRoom(step_size=0.1, show_horizon=False))
    recorded(room(), tmp_path)
    spec = file.File(path=tmp_path / "mine.npz", goal=Goal(achieved=(0, 1)))
    demos = file.dataset(spec, Build("format", "npz", npz.format, npz.NPZ()), room, key=KEY)
    assert demos.spaces == room().spaces
    policy = learnt(demos)
    goals = 0.4 * np.asarray([(0, 1), (1, 0), (0, -1), (-1, 0)], np.float32)
    middle = np.zeros((4, 2), np.float32)
    obs = jax.tree.map(jnp.asarray, {"observation": middle, ACHIEVED: middle, DESIRED: goals})
    moves = jax.vmap(lambda one: policy.mode(policy.initial_carry(), one)[1])(obs)
    np.testing.assert_array_equal(moves, [0, 1, 2, 3])
