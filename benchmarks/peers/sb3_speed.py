"""How fast Stable-Baselines3 and SBX train on pendulum, with the settings of `benchmarks/finetune_speed.py`.

python benchmarks/peers/sb3_speed.py sb3|sbx ppo|td3
"""

import sys
import time
from statistics import median

import sbx
import stable_baselines3

STEPS = {"ppo": 4096 * 4, "td3": 2000}


def main() -> None:
    library, kind = sys.argv[1:3]
    algorithms = {"sb3": stable_baselines3, "sbx": sbx}[library]
    if kind == "ppo":
        from stable_baselines3.common.env_util import make_vec_env

        env = make_vec_env("Pendulum-v1", n_envs=64)
        model = algorithms.PPO("MlpPolicy", env, n_steps=64, n_epochs=8, batch_size=512)
    else:
        networks = {"net_arch": [64, 64]}
        model = algorithms.TD3(
            "MlpPolicy", "Pendulum-v1", batch_size=256, learning_starts=256, policy_kwargs=networks, train_freq=1
        )
    model.learn(STEPS[kind])
    speeds = []
    for _ in range(3):
        began = time.perf_counter()
        model.learn(STEPS[kind], reset_num_timesteps=False)
        speeds.append(STEPS[kind] / (time.perf_counter() - began))
    print(f"{library} {kind}: {median(speeds):,.0f}")


if __name__ == "__main__":
    main()
