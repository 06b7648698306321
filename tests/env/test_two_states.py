"""The rope and the cliff: what is done in them, and what it costs."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.known_dynamics import ExactCosts
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.env import cliff, rope
from ilkit.expert.scripted import Scripted, expert
from ilkit.rollout import episodes
from ilkit.stepping.episodes import collect_episodes

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
HORIZONS = np.array([5, 20, 60])


class Table(Policy):
    """One action on the way and one off it."""

    actions: jax.Array
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry, obs):
        return carry, self.actions[obs[0].astype(int)]


def world(name: str, **settings):
    return rope.env(rope.Rope(**settings)) if name == "rope" else cliff.env(cliff.Cliff(**settings))


def table(env, on: int, off: int) -> Table:
    return Table(actions=jnp.array([on, off]), normalizer=Normalizer.identity(1), spaces=env.spaces)


def costs(env, policy: Policy, count: int = 4096) -> np.ndarray:
    rewards = collect_episodes(env, policy, num_episodes=count, key=KEY).rewards
    return -np.cumsum(rewards, axis=1)[:, HORIZONS - 1]


@pytest.mark.parametrize("actions", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize(
    ("name", "settings"), [("rope", {}), ("rope", {"errors": "on"}), ("cliff", {})], ids=["rope", "on", "cliff"]
)
def test_simulation_costs_what_was_calculated(name: str, settings: dict, actions: tuple[int, int]) -> None:
    env = world(name, error=0.03, max_steps=60, **settings)
    policy = table(env, *actions)
    assert isinstance(env, ExactCosts)
    simulated, exact = costs(env, policy), env.expected_costs(policy, HORIZONS)
    standard_error = simulated.std(axis=0) / np.sqrt(len(simulated))
    assert (np.abs(simulated.mean(axis=0) - exact) < 4.0 * standard_error + 1e-4 * HORIZONS).all()


def test_who_knows_the_way_back_pays_in_proportion_to_the_horizon_on_the_rope_alone() -> None:
    ends = np.array([100, 1000])
    rope_, cliff_ = world("rope", error=0.001), world("cliff", error=0.001)
    on = world("rope", error=0.001, errors="on")
    np.testing.assert_allclose(on.expected_costs(table(on, 0, 0), ends), [4.8874, 368.33], rtol=1e-5)
    np.testing.assert_allclose(rope_.expected_costs(rope_.demonstrator(), ends), [0.1, 1.0], rtol=1e-6)
    np.testing.assert_allclose(cliff_.expected_costs(cliff_.demonstrator(), ends), [4.8874, 368.33], rtol=1e-5)
    np.testing.assert_array_equal(
        cliff_.expected_costs(table(cliff_, 0, 0), ends), cliff_.expected_costs(table(cliff_, 0, 1), ends)
    )


@pytest.mark.parametrize("name", ["rope", "cliff"])
def test_the_expert_is_never_off_without_errors(name: str) -> None:
    make, spec = (rope.env, rope.Rope(error=0.0)) if name == "rope" else (cliff.env, cliff.Cliff(error=0.0))
    built = Build("env", name, make, spec)
    demos = episodes.rollout(episodes.Episodes(num_episodes=3), built, expert(Scripted(), built, key=KEY), key=KEY)
    assert not demos.obs.any()
    assert not demos.actions.any()
    assert not demos.rewards.any()
    assert demos.truncated.all()


def test_an_action_does_what_it_says() -> None:
    steps = {name: world(name, error=0.0).step for name in ("rope", "cliff")}

    def after(name: str, off: float, action: int) -> float:
        state, transition = steps[name](jnp.array([off]), jnp.asarray(action), key=KEY)
        assert float(transition.reward) == -float(state[0])
        return float(state[0])

    assert [after("rope", off, action) for off in (0.0, 1.0) for action in (0, 1)] == [0.0, 1.0, 1.0, 0.0]
    assert [after("cliff", off, action) for off in (0.0, 1.0) for action in (0, 1)] == [0.0, 1.0, 1.0, 1.0]
