"""How fast rejax trains on pendulum, with the settings of `benchmarks/finetune_speed.py`; nothing is evaluated.

NPROC=1 python benchmarks/peers/rejax_speed.py ppo|td3|sac
"""

import sys
import time
from statistics import median

import jax
import rejax

STEPS = {"ppo": 25 * 4096, "td3": 4000, "sac": 4000}
SETTINGS = {
    "ppo": {"num_envs": 64, "num_steps": 64, "num_epochs": 8, "num_minibatches": 8},
    "td3": {"num_envs": 1, "num_epochs": 1, "batch_size": 256, "fill_buffer": 256, "buffer_size": 100_000},
    "sac": {"num_envs": 1, "num_epochs": 1, "batch_size": 256, "fill_buffer": 256, "buffer_size": 100_000},
}


def main() -> None:
    kind = sys.argv[1]
    steps = STEPS[kind]
    create = {"ppo": rejax.PPO, "td3": rejax.TD3, "sac": rejax.SAC}[kind].create
    networks = {"agent_kwargs": {"hidden_layer_sizes": (64, 64), "activation": "tanh"}} if kind == "ppo" else {}
    algorithm = create(
        env="Pendulum-v1",
        total_timesteps=steps,
        eval_freq=steps,
        skip_initial_evaluation=True,
        learning_rate=3e-4,
        gamma=0.99,
        **SETTINGS[kind],
        **networks,
    ).replace(eval_callback=lambda *_: ())
    train = jax.jit(algorithm.train).lower(jax.random.key(0)).compile()
    speeds = []
    for seed in range(4):
        began = time.process_time()
        jax.block_until_ready(train(jax.random.key(seed)))
        speeds.append(steps / (time.process_time() - began))
    print(f"rejax {kind}: {median(speeds[1:]):,.0f}")


if __name__ == "__main__":
    main()
