"""Fine-tuning on an environment that isn't compiled: seeds in lockstep, each better than its clone."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.finetune import best_of_n, dsrl, ppo, td3
from ilkit.network import mlp
from ilkit.policy import chunked, gaussian
from ilkit.running import loop
from ilkit.stepping.episodes import collect_all
from tests.stepping.steering import register_steering


@pytest.fixture
def steering(monkeypatch: pytest.MonkeyPatch) -> Build[Any]:
    return register_steering(monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize(
    ("module", "spec"),
    [
        (ppo, ppo.PPO(num_envs=8, rollout_length=40, num_steps=30, critic_warmup_steps=5, learning_rate=3e-3)),
        (td3, td3.TD3(num_envs=8, num_steps=800, critic_warmup_steps=100, learning_rate=1e-2, batch_size=64)),
    ],
    ids=["ppo", "td3"],
)
def test_every_seed_becomes_better_than_its_clone(
    module: Any, spec: Any, steering: Build[Any], clone: Any, known: Any, explore: Any
) -> None:
    clones = [clone(steering, seed=seed) for seed in (0, 1)]
    tuned = loop.train(
        lambda cloned, *, key: module.finetune(
            spec, explore("isotropic", scale=0.3), steering, cloned, known(1.0), key=key
        ),
        jax.tree.map(lambda *arrays: jnp.stack(arrays), *clones),
        key=jax.random.key(0),
        num_seeds=2,
    )
    policies = [(jax.tree.map(np.asarray, policy), False) for policy in (*clones, *tuned)]
    runs = collect_all(steering(), policies, num_episodes=32, key=jax.random.key(1))
    before, after = np.split(np.array([run.returns.mean() for run in runs]), 2)
    assert (after > 0.5 * before).all(), (before, after)


@pytest.mark.parametrize("steps", [1, 2], ids=["steps", "chunks"])
@pytest.mark.parametrize(
    ("module", "spec"),
    [
        (best_of_n, best_of_n.BestOfN(num_envs=2, num_steps=4, critic_warmup_steps=1, batch_size=4, num_actions=3)),
        (dsrl, dsrl.DSRL(num_envs=2, num_steps=4, critic_warmup_steps=1, batch_size=4)),
    ],
    ids=["best_of_n", "dsrl"],
)
def test_decisions_are_taken_on_the_host_too_by_every_seed(
    module: Any, spec: Any, steps: int, steering: Build[Any], explore: Any, leaves: Any
) -> None:
    network = Build("network", "mlp", mlp.network, mlp.MLP(hidden=(4,)))
    head = Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(), (network,))
    whole = Build("policy", "chunked", chunked.policy, chunked.Chunked(horizon=3, execute=2), (network,), head)
    clone = (head if steps == 1 else whole)(steering().spaces, key=jax.random.key(0))
    tuned = loop.train(
        lambda key: module.finetune(spec, explore("own_density"), steering, clone, key=key),
        key=jax.random.key(1),
        num_seeds=2,
    )
    assert tuned.stacked.decision_steps == steps
    assert tuned.curves["env_steps"][-1] == 2 * 4 * steps
    assert leaves(tuned[0]) != leaves(tuned[1])
