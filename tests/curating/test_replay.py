import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import jax
import numpy as np
import pytest

from ilkit.curating.environments import replayer_named, replayer_of
from ilkit.curating.fault import Fault
from ilkit.curating.mujoco_replay import host_replayer, made
from ilkit.curating.replay import Replayer, beyond_faults, replay, replay_faults
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_settings import Goal
from ilkit.data.spaces import Box, Dict, Spaces
from ilkit.env import point_mass
from ilkit.errors import DataError
from ilkit.files.goals import give_goals
from ilkit.foreign.spaces import space_of

pytestmark = pytest.mark.bits

KINDS = ["cart_pole", "mountain_car_continuous", "pendulum", "point_mass"]


def faults_of(demos: Demonstrations, replayer: Replayer, limit: int = 1000) -> tuple[Fault, ...]:
    return replay_faults(replay(demos, replayer, limit), demos, replayer.name)


def with_actions(demos: Demonstrations, actions: np.ndarray) -> Demonstrations:
    names = ("obs", "rewards", "terminated", "truncated", "lengths", "spaces")
    return Demonstrations(actions=actions, **{name: getattr(demos, name) for name in names})


def shifted(demos: Demonstrations, later: int) -> Demonstrations:
    """Every action recorded `later` steps later, around the ends of the episodes."""
    episodes = np.split(demos.actions, np.cumsum(demos.lengths)[:-1])
    return with_actions(demos, np.concatenate([np.roll(actions, later, axis=0) for actions in episodes]))


@pytest.mark.parametrize("kind", KINDS)
def test_clean_data_are_reproduced(kind: str, clean_of: Callable[[str], Demonstrations]) -> None:
    demos = clean_of(kind)
    replayed = replay(demos, replayer_named(kind))
    assert len(replayed.rows) == demos.num_steps
    assert not replayed.failed.any()
    assert replay_faults(replayed, demos, kind) == ()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("later", "said"), [(1, "states hold the action"), (-1, "one step too early")])
def test_a_shift_is_told_with_its_direction(
    kind: str, later: int, said: str, clean_of: Callable[[str], Demonstrations]
) -> None:
    found = faults_of(shifted(clean_of(kind), later), replayer_named(kind))
    assert found[0].name == "shifted by one"
    assert said in str(found[0])
    assert len([fault for fault in found if fault.name == "shifted by one"]) == 1
    assert len(found) == 1, "the ends of episodes, whose actions are lost, aren't held against the data"


def test_a_shift_in_half_of_the_episodes_is_told(clean: Demonstrations) -> None:
    half = clean.actions.copy()
    half[: clean.num_steps // 2] = shifted(clean, 1).actions[: clean.num_steps // 2]
    found = faults_of(with_actions(clean, half), replayer_named("point_mass"))
    assert found[0].name == "shifted by one"
    assert found[0].occurrences <= clean.num_steps // 2
    assert found[0].places[0].episode == 0


def test_wrong_observations_are_no_shift_but_named(clean: Demonstrations) -> None:
    clean.obs[41 + 7, 2] += 1.0
    found = faults_of(clean, replayer_named("point_mass"))
    assert [fault.name for fault in found] == ["transitions not reproduced"]
    assert [place[:2] for place in found[0].places] == [(1, 6), (1, 7)]


def test_other_settings_are_no_shift(tmp_path: Path, clean: Demonstrations) -> None:
    params = tmp_path / "params.yaml"
    params.write_text("env: {kind: point_mass, point_mass: {mass: 2.0}}\n")
    found = faults_of(clean, replayer_of(params))
    assert [fault.name for fault in found] == ["transitions not reproduced"]
    params.write_text("env: {kind: point_mass, point_mass: {mass: 1.0}}\n")
    assert faults_of(clean, replayer_of(params)) == ()


def test_a_shift_is_told_where_the_simulator_is_somewhat_off(tmp_path: Path, clean: Demonstrations) -> None:
    params = tmp_path / "params.yaml"
    params.write_text("env: {kind: point_mass, point_mass: {mass: 1.1}}\n")
    assert [fault.name for fault in faults_of(clean, replayer_of(params))] == ["transitions not reproduced"]
    found = faults_of(shifted(clean, 1), replayer_of(params))
    assert found[0].name == "shifted by one"
    assert "states hold the action" in str(found[0])


def test_labels_that_were_not_done_are_no_shift(clean: Demonstrations) -> None:
    noise = np.random.default_rng(0).normal(size=clean.actions.shape).astype(np.float32)
    found = faults_of(with_actions(clean, clean.actions + noise), replayer_named("point_mass"))
    assert [fault.name for fault in found] == ["transitions not reproduced"]


def test_the_drawn_steps_are_spread_over_all(clean: Demonstrations) -> None:
    rows = replay(clean, replayer_named("point_mass"), 25).rows
    assert len(rows) == 25
    assert (rows[0], rows[-1]) == (0, clean.num_steps - 1)
    assert np.ptp(np.diff(rows)) <= 1


def test_what_is_not_finite_is_left_to_the_other_checks(clean: Demonstrations) -> None:
    clean.obs[50] = np.nan
    clean.actions[100] = np.nan
    replayed = replay(clean, replayer_named("point_mass"))
    assert len(replayed.rows) == clean.num_steps - 3
    assert not replayed.failed.any()


def test_gymnasiums_name_finds_ilkits_environment(clean_of: Callable[[str], Demonstrations]) -> None:
    assert faults_of(clean_of("pendulum"), replayer_named("Pendulum-v1")) == ()


def test_another_environment_is_refused(clean: Demonstrations) -> None:
    with pytest.raises(DataError, match=r"those of pendulum, \(3,\), got \(4,\)"):
        replay(clean, replayer_named("pendulum"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Hoper-v5", "Did you mean 'Hopper-v5'"),
        ("FrozenLake-v1", "no attribute `state` that is its observation"),
        ("InvertedDoublePendulum-v5", "can't be got from its observation"),
        ("Humanoid-v5", "can't be got from its observation"),
        ("gymnasium", "give the name that gymnasium registers"),
    ],
)
def test_what_cannot_be_set_is_refused(name: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        replayer_named(name)


def held(num_steps: int = 600, hold: int = 50) -> Demonstrations:
    """An episode of point_mass in which every action is held for as many steps."""
    env = point_mass.env(point_mass.PointMass(max_steps=num_steps))
    draws = np.random.default_rng(0).uniform(-0.3, 0.3, (num_steps // hold, 2)).astype(np.float32)
    actions = np.repeat(draws, hold, axis=0)

    def step(state: jax.Array, action: jax.Array) -> tuple[jax.Array, jax.Array]:
        return env.step(state, action, key=jax.random.key(0))[0], env.observe(state)

    last, obs = jax.lax.scan(step, env.reset(key=jax.random.key(1)), actions)
    rows = np.concatenate([np.asarray(obs), np.asarray(env.observe(last))[None]])
    steps, ends = np.zeros(num_steps, np.float32), np.array([False])
    return Demonstrations(rows, actions, steps, ends, ~ends, np.array([num_steps], np.int32), spaces=env.spaces)


def test_a_shift_of_actions_that_are_held_is_told() -> None:
    demos = held()
    assert faults_of(demos, replayer_named("point_mass")) == ()
    found = faults_of(shifted(demos, 1), replayer_named("point_mass"))
    assert [fault.name for fault in found] == ["shifted by one"]
    assert "12 of 12 replayed transitions of point_mass at which two neighboring actions differ" in str(found[0])


def test_actions_beyond_the_bounds_of_the_environment_are_counted(clean: Demonstrations) -> None:
    replayer = replayer_named("point_mass")
    assert beyond_faults(clean, replayer) == ()
    clean.actions[:3, 1] = 9.0
    wider = Spaces(observation=clean.spaces.observation, action=Box.symmetric((np.inf, np.inf)))
    (fault,) = beyond_faults(dataclasses.replace(clean, spaces=wider), replayer)
    assert str(fault).startswith("actions outside of those of point_mass: 3 entries in 3 rows of 1 episode")


class Drift(gymnasium.Env):
    """An environment of a user's own: what it observes is its state."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, noise: float = 0.0) -> None:
        self.noise = noise

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.state = self.np_random.normal(size=2)
        return self.state.astype(np.float32), {}

    def step(self, action: Any) -> Any:
        position, velocity = self.state
        velocity += 0.1 * float(action[0]) - 0.05 * np.sin(position) + self.noise * self.np_random.normal()
        self.state = np.array([position + 0.1 * velocity, velocity])
        return self.state.astype(np.float32), 0.0, False, False, {}


@pytest.fixture
def drift(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, noise in (("Drift-v0", 0.0), ("Noisy-v0", 1.0)):
        entry = gymnasium.envs.registration.EnvSpec(name, entry_point=Drift, kwargs={"noise": noise})
        monkeypatch.setitem(gymnasium.registry, name, entry)


@pytest.mark.parametrize("name", ["MountainCar-v0", "Drift-v0"])
def test_an_environment_that_observes_its_state_needs_no_plugin(name: str, drift: None) -> None:
    demos, replayer = host_episodes(name), replayer_named(name)
    assert faults_of(demos, replayer) == ()
    late = faults_of(shifted(demos, 1), replayer)
    assert late[0].name == "shifted by one"


def test_an_environment_with_noise_of_its_own_is_not_replayed(drift: None) -> None:
    with pytest.raises(DataError, match="can't be set to a state"):
        replayer_named("Noisy-v0")


def test_goals_are_left_aside(tmp_path: Path, drift: None) -> None:
    demos = give_goals(host_episodes("Drift-v0"), Goal(achieved=(0,)), tmp_path)
    params = tmp_path / "params.yaml"
    goal = "goal: {achieved: [0], desired: [1]}"
    params.write_text(f"env: {{kind: gymnasium, gymnasium: {{id: Drift-v0, max_steps: 60, {goal}}}}}\n")
    assert faults_of(demos, replayer_of(params)) == ()
    assert faults_of(shifted(demos, 1), replayer_of(params))[0].name == "shifted by one"
    other = Dict(entries={"place": Box(shape=(2,), low=0.0, high=1.0)})
    named = dataclasses.replace(
        demos,
        obs={"place": demos.obs["observation"]},
        spaces=demos.spaces.model_copy(update={"observation": other}),
    )
    with pytest.raises(DataError, match="Replaying in Drift-v0 needs observations that are vectors"):
        replay(named, replayer_of(params))


def test_settings_of_an_environment_on_the_host_count(tmp_path: Path, drift: None) -> None:
    params = tmp_path / "params.yaml"
    params.write_text("env: {kind: gymnasium, gymnasium: {id: Drift-v0, max_steps: 60}}\n")
    assert faults_of(host_episodes("Drift-v0"), replayer_of(params)) == ()
    params.write_text("env: {kind: gymnasium, gymnasium: {id: Drift-v0, max_steps: 60, kwargs: {noise: 1.0}}}\n")
    with pytest.raises(DataError, match="can't be set to a state"):
        replayer_of(params)


def host_episodes(name: str, steps: int = 60) -> Demonstrations:
    env = gymnasium.make(name)
    generator = np.random.default_rng(0)
    obs, actions, lengths = [], [], []
    for episode in range(3):
        obs.append(env.reset(seed=episode)[0])
        for step in range(steps):
            reach = env.action_space
            drawn = generator.integers(reach.n) if hasattr(reach, "n") else generator.uniform(-0.4, 0.4, reach.shape)
            actions.append(drawn)
            seen, _, terminated, _, _ = env.step(actions[-1])
            obs.append(seen)
            if terminated or step == steps - 1:
                lengths.append(step + 1)
                break
    size, action = env.observation_space.shape[0], space_of(env.action_space)
    env.close()
    return Demonstrations(
        np.asarray(obs, np.float32),
        np.asarray(actions, action.dtype),
        np.zeros(len(actions), np.float32),
        np.zeros(3, bool),
        np.ones(3, bool),
        np.asarray(lengths, np.int32),
        spaces=Spaces(observation=Box.symmetric((np.inf,) * size), action=action),
    )


@pytest.mark.filterwarnings("ignore:MuJoCo:DeprecationWarning")
@pytest.mark.parametrize("name", ["HalfCheetah-v5", "Hopper-v5", "Walker2d-v5", "Swimmer-v5", "InvertedPendulum-v5"])
def test_mujoco_reproduces_what_it_did(name: str) -> None:
    demos, replayer = host_episodes(name), host_replayer(made(name), name)
    replayed = replay(demos, replayer)
    assert len(replayed.rows) >= demos.num_steps // 2
    assert np.median(replayed.errors[0]) < 0.1
    assert replayed.failed.mean() < 0.02
    late = faults_of(shifted(demos, 1), replayer)
    assert late[0].name == "shifted by one"
    assert "states hold the action" in str(late[0])


def test_a_clipped_velocity_is_no_state() -> None:
    replayer = host_replayer(made("Hopper-v5"), "Hopper-v5")
    assert (replayer.excluded, replayer.clip) == (1, 10.0)
    obs = np.zeros((2, 11), np.float32)
    obs[1, 8] = -10.0
    assert replayer.usable(obs).tolist() == [True, False]
    assert host_replayer(made("HalfCheetah-v5"), "HalfCheetah-v5").clip == np.inf
    assert host_replayer(made("Swimmer-v5"), "Swimmer-v5").excluded == 2
