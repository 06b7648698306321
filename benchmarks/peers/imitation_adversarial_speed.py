"""How fast `imitation` matches a pole on a cart, with the settings of `benchmarks/adversarial_speed.py`.

python benchmarks/peers/imitation_adversarial_speed.py gail|airl

Environment steps a second of processor time, on one thread: 8 environments, 256 steps, batches of 64 in 5 epochs,
8 steps of the discriminator of 1,024 demonstrated and as many tried steps, in networks as its tutorials have them.
"""

import sys
import time
from statistics import median

import numpy as np
import torch
from imitation.algorithms.adversarial.airl import AIRL
from imitation.algorithms.adversarial.gail import GAIL
from imitation.data import rollout
from imitation.data.wrappers import RolloutInfoWrapper
from imitation.policies.base import RandomPolicy
from imitation.rewards.reward_nets import BasicRewardNet, BasicShapedRewardNet
from imitation.util.networks import RunningNorm
from imitation.util.util import make_vec_env
from stable_baselines3 import PPO

NUM_ENVS, ROLLOUT, ITERATIONS = 8, 256, 5


def main() -> None:
    kind = sys.argv[1]
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    env = make_vec_env(
        "CartPole-v1",
        rng=random,
        n_envs=NUM_ENVS,
        post_wrappers=[lambda env, _: RolloutInfoWrapper(env)],
    )
    policy = RandomPolicy(env.observation_space, env.action_space)
    demos = rollout.rollout(policy, env, rollout.make_sample_until(min_episodes=100), rng=random)
    learner = PPO("MlpPolicy", env, batch_size=64, n_steps=ROLLOUT, n_epochs=5, learning_rate=4e-4, gamma=0.95)
    algorithm, network = (GAIL, BasicRewardNet) if kind == "gail" else (AIRL, BasicShapedRewardNet)
    trainer = algorithm(
        demonstrations=demos,
        demo_batch_size=1024,
        n_disc_updates_per_round=8,
        venv=env,
        gen_algo=learner,
        reward_net=network(env.observation_space, env.action_space, normalize_input_layer=RunningNorm),
        allow_variable_horizon=True,
    )
    steps = NUM_ENVS * ROLLOUT * ITERATIONS
    trainer.train(NUM_ENVS * ROLLOUT)
    speeds = []
    for _ in range(3):
        began = time.process_time()
        trainer.train(steps)
        speeds.append(steps / (time.process_time() - began))
    print(f"imitation {kind}: {median(speeds):,.0f}")


if __name__ == "__main__":
    main()
