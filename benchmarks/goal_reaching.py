"""Practice in an empty room: how far from the goal episodes end, beside what the authors print (Ghosh et al., 2019).

    NPROC=1 python benchmarks/goal_reaching.py

200 rounds of one episode of 50 steps, a network of 100-100; 5 training seeds in one compiled call. Their demonstration
has the same room, network and settings as the first row, and ends at a median distance of .100 (one seed, 50 episodes).
"""

import time

import jax
import numpy as np

from ilkit.data.build import Build
from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.env import point_room
from ilkit.interact.gcsl import GCSL, interact
from ilkit.network.mlp import MLP, network
from ilkit.policy import categorical
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes

NUM_SEEDS, NUM_EPISODES = 5, 200
SETTINGS = {
    "500 updates of 1, 1e-4": {"updates": 500, "batch_size": 1, "learning_rate": 1e-4},
    "100 updates of 32, 5e-4": {"updates": 100, "batch_size": 32, "learning_rate": 5e-4},
}
HEAD = "| a round | horizon is an input | acts by | median distance, by seed | within .15, by seed | s |"


def main() -> None:
    print(f"{HEAD}\n|{' --- |' * (HEAD.count('|') - 1)}")
    for name, settings in SETTINGS.items():
        for shown in (True, False):
            env = Build("env", "point_room", point_room.env, point_room.PointRoom(show_horizon=shown))
            spec = GCSL(random_rounds=0, num_seeds=NUM_SEEDS, **settings)
            inner = (Build("network", "mlp", network, MLP(hidden=(100, 100), activation="relu")),)
            head = Build("policy", "categorical", categorical.policy, categorical.Categorical(), inner)
            began = time.process_time()
            seeds = loop.train(
                lambda *, key, spec=spec, head=head, env=env: interact(spec, head, env, key=key),
                key=jax.random.key(0),
                num_seeds=NUM_SEEDS,
            )
            jax.block_until_ready(seeds.stacked)
            seconds = time.process_time() - began
            for stochastic in (False, True):
                away = [final_distances(env, one.policy, stochastic) for one in seeds]
                medians = ", ".join(f"{np.median(rows):.3f}" for rows in away)
                reached = ", ".join(f"{np.mean(rows <= 0.15):.1%}" for rows in away)
                how = "samples" if stochastic else "mode"
                print(
                    f"| {name} | {'yes' if shown else 'no'} | {how} | {medians} | {reached} | {seconds:.0f} |",
                    flush=True,
                )


def final_distances(env: Build, policy: object, stochastic: bool) -> np.ndarray:
    run = collect_episodes(env(), policy, num_episodes=NUM_EPISODES, key=jax.random.key(9), stochastic=stochastic)
    return np.linalg.norm(run.obs[ACHIEVED][:, -1] - run.obs[DESIRED][:, -1], axis=-1)


if __name__ == "__main__":
    main()
