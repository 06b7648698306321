"""Deep exploration: bootstrapped DQN in the sea, beside random actions and a bonus for what is new.

    NPROC=1 python benchmarks/deep_sea.py [SIZE ...]

The sea is solved in the first episode by which a tenth of all so far have found the treasure (bsuite, Osband et al.,
2019, whose settings these are: 20 heads of 2 x 50, prior scale 5, one update of 128 steps for each step). Whoever
dithers needs about 2^N episodes. 5 training seeds, from scratch, of 1,000 episodes at most, looked at every 20.
"""

import sys
import time

import jax

from ilkit.data.build import Build
from ilkit.env import deep_sea
from ilkit.expert import scripted
from ilkit.exploration import none as no_noise
from ilkit.finetune.bootstrapped_dqn import BootstrappedDQN, finetune
from ilkit.imitate import none as nothing
from ilkit.network.mlp import MLP, network
from ilkit.policy import categorical
from ilkit.rollout import episodes
from ilkit.running import loop

NUM_SEEDS, NUM_EPISODES, LOOK = 5, 1_000, 20
DITHERING = {"num_heads": 1, "prior_scale": 0.0, "exploration_rate": 0.05}
CONTESTANTS: dict[str, dict[str, float | int]] = {
    "bootstrapped, 20 heads": {},
    "one head, 5 % random actions": DITHERING,
    "one head, 5 % random actions, bonus for what is new": DITHERING | {"novelty_weight": 1.0},
}
HEAD = "| N | explores by | solved in episode, by seed | steps a second |"


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [10, 11, 12, 13, 14]
    print(f"{HEAD}\n|{' --- |' * (HEAD.count('|') - 1)}")
    for size in sizes:
        for name, settings in CONTESTANTS.items():
            began = time.perf_counter()
            spec = BootstrappedDQN(num_steps=size * NUM_EPISODES, **settings)
            solved = [solved_in(size, spec, seed) for seed in range(NUM_SEEDS)]
            taken = sum(size * (NUM_EPISODES if episode is None else episode) for episode in solved)
            told = ", ".join("never" if episode is None else str(episode) for episode in solved)
            print(f"| {size} | {name} | {told} | {taken / (time.perf_counter() - began):,.0f} |", flush=True)


def solved_in(size: int, spec: BootstrappedDQN, seed: int) -> int | None:
    """The episode by which a tenth have found the treasure; none where that is in none of them."""
    env = Build("env", "deep_sea", deep_sea.env, deep_sea.DeepSea(size=size))
    expert = scripted.expert(scripted.Scripted(), env, key=jax.random.key(0))
    demos = episodes.rollout(episodes.Episodes(num_episodes=1), env, expert, key=jax.random.key(0))
    inner = (Build("network", "mlp", network, MLP(hidden=())),)
    head = Build("policy", "categorical", categorical.policy, categorical.Categorical(), inner)
    cloned = loop.train(lambda key: nothing.imitate(nothing.None_(), head, demos, key=key), key=jax.random.key(seed))
    exploration = Build("exploration", "none", no_noise.exploration, no_noise.None_(), optional=("uncertainty",))
    training, key = loop.prepare(
        lambda key: finetune(spec, exploration, env, cloned[0], key=key), (), key=jax.random.key(seed), num_seeds=1
    )
    start = loop.start(training, 1)
    for progress in loop.advance(training, start, key=key, num_seeds=1, chunk_size=LOOK * size):
        log = progress.state.trials.log
        if log.total_gained >= 0.1 * log.total_episodes:
            return int(log.total_episodes)
    return None


if __name__ == "__main__":
    main()
