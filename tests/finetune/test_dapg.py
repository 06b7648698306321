"""Natural policy gradients with demonstrations: what these add, when they fade, and what is refused."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.errors import DataError
from ilkit.finetune.dapg import DAPG, finetune
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy

KEY = jax.random.key(0)
SMALL: dict[str, Any] = {
    "num_envs": 8,
    "rollout_length": 8,
    "num_minibatches": 2,
    "num_epochs": 2,
    "critic_hidden": (8,),
}


@pytest.fixture(scope="module")
def demos(push: Any) -> Demonstrations:
    """Random actions: where they draw a policy to is seen at once."""
    env = push()
    policy = RandomPolicy.of(env.spaces)
    return collect_episodes(env, policy, num_episodes=3, key=KEY, stochastic=True).demonstrations()


def train(spec: DAPG, *inputs: Any) -> Seeds[Policy]:
    return loop.train(lambda key: finetune(spec, *inputs, key=key), key=KEY)


def stepped(spec: DAPG, iteration: int, leaves: Any, *inputs: Any) -> list[bytes]:
    """The policy after one step, taken as the one of this number."""
    training = finetune(spec, *inputs, key=KEY)
    state = training.state._replace(iteration=jnp.asarray(iteration, jnp.int32))
    found: list[bytes] = leaves(training.finish(jax.jit(training.step)(state, KEY)[0]))
    return found


def test_without_their_weight_and_when_it_has_faded_demonstrations_change_no_bit(
    push: Any, clone: Any, explore: Any, leaves: Any, demos: Demonstrations
) -> None:
    inputs = (explore("isotropic"), push, clone(push), None)
    natural = DAPG(demo_weight=0.0, critic_warmup_steps=0, **SMALL)
    with_demos = DAPG(demo_weight=0.5, demo_decay=0.9, critic_warmup_steps=0, **SMALL)
    alone = stepped(natural, 0, leaves, *inputs)
    assert alone == stepped(natural, 0, leaves, *inputs, demos)
    assert alone == stepped(with_demos, 100_000, leaves, *inputs, demos)
    assert alone != stepped(with_demos, 0, leaves, *inputs, demos)
    assert alone != leaves(inputs[2])


def test_demonstrations_draw_the_policy_to_their_actions(
    push: Any, clone: Any, explore: Any, demos: Demonstrations
) -> None:
    def error(policy: Policy) -> float:
        chosen = jax.vmap(lambda obs: policy.mode((), obs)[1])(jnp.asarray(demos.before()))
        return float(jnp.mean((chosen - demos.actions) ** 2))

    spec = DAPG(demo_weight=10.0, demo_decay=1.0, critic_warmup_steps=0, num_steps=10, **SMALL)
    cloned = clone(push, seed=3)
    learnt = train(spec, explore("isotropic"), push, cloned, None, demos)
    assert error(learnt[0]) < error(cloned)


def test_the_natural_gradient_improves_the_return(push: Any, clone: Any, explore: Any, mean_return: Any) -> None:
    counts = {"num_envs": 16, "rollout_length": 32, "num_minibatches": 4, "num_steps": 40}
    spec = DAPG(demo_weight=0.0, max_divergence=0.1, critic_warmup_steps=5, **counts)
    cloned = clone(push)
    learnt = train(spec, explore("isotropic", scale=0.5), push, cloned, None)
    assert mean_return(push, learnt[0]) > 0.7 * mean_return(push, cloned)


def test_at_first_only_the_critic_learns(push: Any, clone: Any, explore: Any, leaves: Any, demos: Any) -> None:
    cloned = clone(push)
    spec = DAPG(critic_warmup_steps=2, num_steps=3, **SMALL)
    inputs = (explore("isotropic"), push, cloned, None, demos)
    assert stepped(spec, 1, leaves, *inputs) == leaves(cloned)
    assert stepped(spec, 2, leaves, *inputs) != leaves(cloned)


def test_a_departure_from_the_clone_costs(push: Any, clone: Any, explore: Any) -> None:
    departed = []
    for weight in (None, 100.0):
        spec = DAPG(demo_weight=0.0, clone_weight=weight, num_steps=12, critic_warmup_steps=0, **SMALL)
        departed.append(train(spec, explore("isotropic"), push, clone(push), None).curves["departure"][0, -1])
    assert departed[1] < departed[0]


def test_what_nothing_can_be_learnt_from_is_refused(
    push: Any, balance: Any, clone: Any, explore: Any, demos: Any
) -> None:
    with pytest.raises(DataError, match=r"demos: must be handed over.*stages\.finetune"):
        finetune(DAPG(), explore("isotropic"), push, clone(push), None, key=KEY)
    with pytest.raises(DataError, match="have no density"):
        finetune(DAPG(), explore("own_density"), push, clone(push), None, demos, key=KEY)
    with pytest.raises(DataError, match="must have the spaces of the policy"):
        finetune(DAPG(), explore("own_density"), balance, clone(balance, "categorical"), None, demos, key=KEY)
