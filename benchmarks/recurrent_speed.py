"""How fast a recurrent policy is trained on windows: gradient steps a second of 2 x 64 LSTM cells, windows of 10.

    python benchmarks/recurrent_speed.py [BATCH] [THREADS] [avx2|native]
    python benchmarks/side_by_side.py 3 'python benchmarks/recurrent_speed.py 16' \\
        'PEERS/diffusers/bin/python benchmarks/peers/lstm_speed.py 16'

where PEERS/diffusers is a virtual environment with benchmarks/peers/diffusers.txt installed. A step takes 3.1 Mflop for
each row of the batch: beyond some tens of rows both are bound by arithmetic, and PyTorch takes AVX-512 where there is
some; `avx2`, the default, doesn't.
"""

import sys
import time
from statistics import median

import jax
import numpy as np

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Spaces
from ilkit.imitate.bc import BC, imitate
from ilkit.network.lstm import LSTM, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.running import loop
from ilkit.running.backend import set_up

OBS, ACTION, EPISODES, STEPS, CHUNK = 10, 4, 100, 100, 200


def main() -> None:
    given = sys.argv[1:]
    *sizes, instruction_set = (*given, *("100", "1", "avx2")[len(given) :])
    batch, threads = (int(one) for one in sizes)
    set_up(threads, instruction_set)
    recurrent = Build("network", "lstm", network, LSTM(hidden_size=64, num_layers=2, window=10))
    head = Build("policy", "deterministic", policy, Deterministic(), (recurrent,))
    spec, demos = BC(num_steps=100 * CHUNK, batch_size=batch), _demonstrations()
    training, key = loop.prepare(
        lambda key: imitate(spec, head, demos, key=key), (), key=jax.random.key(0), num_seeds=1
    )
    chunks = loop.advance(training, loop.start(training, 1), key=key, num_seeds=1, chunk_size=CHUNK)
    jax.block_until_ready(next(chunks).state)
    speeds = []
    for _ in range(5):
        began = time.perf_counter()
        jax.block_until_ready(next(chunks).state)
        speeds.append(CHUNK / (time.perf_counter() - began))
    print(f"lstm, batch {batch}: {median(speeds):,.0f}")


def _demonstrations() -> Demonstrations:
    random = np.random.default_rng(0)
    rows = EPISODES * STEPS
    return Demonstrations(
        random.normal(size=(rows + EPISODES, OBS)).astype(np.float32),
        random.normal(size=(rows, ACTION)).astype(np.float32),
        np.zeros(rows, np.float32),
        np.zeros(EPISODES, bool),
        np.ones(EPISODES, bool),
        np.full(EPISODES, STEPS, np.int32),
        spaces=Spaces(observation=Box.symmetric((5.0,) * OBS), action=Box.symmetric((5.0,) * ACTION)),
    )


if __name__ == "__main__":
    main()
