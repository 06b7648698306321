"""Episodes on the host: the same bits in any company, and what happens when an environment fails."""

from pathlib import Path
from typing import Any, ClassVar

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, PyTree

from ilkit.data.build import Build
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.env import gymnasium
from ilkit.errors import DataError
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.stepping.episodes import collect_all, collect_episodes

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)


class Fragile(gym.Env):
    """Ends after as many steps as its number of resets, and breaks in the episode `breaks`."""

    observation_space = gym.spaces.Box(-1, 1, (2,), np.float64)
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    resets: ClassVar[list[int]] = []
    closed: ClassVar[list[Any]] = []

    def __init__(self, breaks: int = 1000) -> None:
        self.breaks, self.steps = breaks, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        Fragile.resets.append(seed or 0)
        self.steps, self.length = 0, 2 + len(Fragile.resets) % 4
        return np.zeros(2), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        assert self.action_space.contains(action)
        self.steps += 1
        if len(Fragile.resets) > self.breaks:
            raise RuntimeError("a joint came off")
        return np.full(2, self.steps / 10), float(action[0]), self.steps == self.length, False, {}

    def close(self) -> None:
        Fragile.closed.append(self)


class Counting(Policy):
    """Acts by the number of steps since the start of the episode, which it carries along."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def initial_carry(self) -> PyTree:
        return jnp.zeros(())

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Array]:
        return carry + 1.0, jnp.full(1, carry / 100)


@pytest.fixture(autouse=True)
def fragile(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("ilkit.stepping.episodes.check_repeats", lambda env: None)  # which Fragile doesn't
    gym.register("Fragile-v0", entry_point=Fragile, max_episode_steps=10)
    Fragile.resets, Fragile.closed = [], []
    yield
    del gym.registry["Fragile-v0"]


def pendulum(**settings: Any) -> Any:
    return gymnasium.env(gymnasium.Gymnasium(id="Pendulum-v1", max_steps=40, **settings))


def learnt(seed: int) -> Policy:
    spaces = pendulum().spaces
    return policy(Deterministic(), Build("network", "mlp", network, MLP()), spaces, key=jax.random.key(seed))


def test_an_episode_is_the_same_beside_any_others() -> None:
    env, one = pendulum(), learnt(0)
    many = collect_episodes(env, one, num_episodes=11, key=KEY)
    few = collect_episodes(env, one, num_episodes=2, key=KEY, first_episode=7)
    np.testing.assert_array_equal(many.obs[7:9], few.obs)
    other, same = collect_all(env, [(learnt(1), True), (one, False)], num_episodes=11, key=KEY)
    np.testing.assert_array_equal(same.obs, many.obs)
    np.testing.assert_array_equal(other.obs[:, 0], many.obs[:, 0])
    assert not np.array_equal(other.obs[:, 1], many.obs[:, 1])


def test_two_processes_find_the_same_to_the_last_bit() -> None:
    runs = [(learnt(0), False), (learnt(1), False)]
    alone = collect_all(pendulum(), runs, num_episodes=5, key=KEY)
    shared = collect_all(pendulum(num_workers=2), runs, num_episodes=5, key=KEY)
    for one, other in zip(alone, shared, strict=True):
        jax.tree.map(np.testing.assert_array_equal, tuple(one[:-1]), tuple(other[:-1]))


def test_a_memory_starts_anew_with_every_episode() -> None:
    env = gymnasium.env(gymnasium.Gymnasium(id="Fragile-v0"))
    run = collect_episodes(env, Counting(Normalizer.identity(2), env.spaces), num_episodes=20, key=KEY)
    steps = np.arange(run.intended.shape[1])
    taken = steps < run.lengths[:, None]
    np.testing.assert_allclose(run.intended[..., 0], np.where(taken, steps / 100, 0.0), atol=1e-7)
    assert run.terminated.all()
    assert sorted(set(run.lengths.tolist())) == [2, 3, 4, 5]
    assert len(Fragile.closed) == 1 + 8  # one to find the spaces, eight side by side


def test_what_was_complete_is_kept_where_an_environment_fails() -> None:
    env = gymnasium.env(gymnasium.Gymnasium(id="Fragile-v0", kwargs=(("breaks", 12),)))
    acting = Counting(Normalizer.identity(2), env.spaces)
    with pytest.warns(
        UserWarning, match=r"In episode \d+, step \d+, .* RuntimeError: a joint came off.*complete ones are kept"
    ):
        run = collect_episodes(env, acting, num_episodes=20, key=KEY)
    assert 0 < len(run.lengths) < 13
    with pytest.raises(DataError, match="a joint came off"):
        collect_all(env, [(acting, False)], num_episodes=20, key=KEY)
    assert len(Fragile.closed) == 1 + 8 + 8


FRAIL = """
import gymnasium, numpy

class Frail(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (3,), numpy.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), numpy.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.fails = seed is not None and seed % 7 == 0
        self.steps = 0
        return self.np_random.uniform(-1, 1, 3), {}

    def step(self, action):
        self.steps += 1
        if self.fails and self.steps == 4:
            raise RuntimeError("a joint came off")
        return self.np_random.uniform(-1, 1, 3), 1.0, self.steps == 9, False, {}

gymnasium.register("Frail-v0", Frail, max_episode_steps=20)
"""


def test_what_every_process_has_completed_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "frail_robot.py").write_text(FRAIL)
    monkeypatch.syspath_prepend(tmp_path)
    kept = {}
    for workers in (1, 2):
        env = gymnasium.env(gymnasium.Gymnasium(id="frail_robot:Frail-v0", num_workers=workers))
        acting = policy(Deterministic(), Build("network", "mlp", network, MLP()), env.spaces, key=KEY)
        with pytest.warns(UserWarning, match=r"step 3, .* a joint came off .*line 17.* \d+ episodes were complete"):
            run = collect_episodes(env, acting, num_episodes=40, key=KEY)
        assert set(run.lengths.tolist()) == {9}
        kept[workers] = {obs.tobytes() for obs in run.obs}
    assert kept[1] & kept[2]
    assert kept[2] - kept[1]  # those of the second process


def test_an_environment_that_fails_at_once_is_an_error() -> None:
    env = gymnasium.env(gymnasium.Gymnasium(id="Fragile-v0", kwargs=(("breaks", 0),)))
    with pytest.raises(DataError, match="0 episodes were complete"):
        collect_episodes(env, Counting(Normalizer.identity(2), env.spaces), num_episodes=3, key=KEY)
