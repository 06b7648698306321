"""How fast `imitation` clones, with the settings of `benchmarks/cloning_speed.py`.

python benchmarks/peers/imitation_speed.py FILE.npz WIDTH BATCH [THREADS]
"""

import sys
import time
from statistics import median

import gymnasium
import numpy as np
import torch
from imitation.algorithms import bc
from imitation.data.types import Transitions
from stable_baselines3.common.policies import ActorCriticPolicy

STEPS = 500


def main() -> None:
    path, width, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(int((*sys.argv[4:], "1")[0]))
    data = np.load(path)
    obs, actions = data["observations"].astype(np.float32), data["actions"].astype(np.float32)
    spaces = [gymnasium.spaces.Box(-np.inf, np.inf, rows.shape[1:], np.float32) for rows in (obs, actions)]
    transitions = Transitions(
        obs=obs, acts=actions, infos=np.array([{}] * len(obs)), next_obs=obs, dones=np.zeros(len(obs), bool)
    )
    policy = ActorCriticPolicy(*spaces, lr_schedule=lambda _: 1e-3, net_arch=[width, width])
    trainer = bc.BC(
        observation_space=spaces[0],
        action_space=spaces[1],
        demonstrations=transitions,
        rng=np.random.default_rng(0),
        policy=policy,
        batch_size=batch,
    )
    speeds = []
    for _ in range(4):
        began = time.perf_counter()
        trainer.train(n_batches=STEPS, log_interval=10**9, progress_bar=False)
        speeds.append(STEPS / (time.perf_counter() - began))
    print(f"imitation bc: {median(speeds[1:]):,.0f}")


if __name__ == "__main__":
    main()
