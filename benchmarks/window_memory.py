"""What training with windows takes of the memory: its peak, over the arrays of the data and one batch.

    NPROC=1 python benchmarks/window_memory.py vectors|pixels [GIB]

`vectors`: observations of 64 numbers, windows of 10 steps for a recurrent network; `pixels`: pictures of 84 by 84
pixels of one byte, stacks of 4. The demonstrations are an artifact, as the runner reads them. Told is the peak beyond
what a run on few data leaves resident: of all pages, those of the mapped artifact included, and of what the process
has allocated. On Linux only.
"""

import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ilkit.artifact import store
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Spaces
from ilkit.imitate.bc import BC, imitate
from ilkit.network import cnn, frame_stack, gru
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.running import loop
from ilkit.running.backend import set_up

LENGTH, BATCH_SIZE = 250, 64
CONVOLUTIONS = cnn.CNN(channels=(8, 16), kernel_sizes=(8, 4), strides=(4, 2), hidden=(32,))
NETWORKS = {
    "vectors": Build("network", "gru", gru.network, gru.GRU(window=10)),
    "pixels": Build(
        "network",
        "frame_stack",
        frame_stack.network,
        frame_stack.FrameStack(num_frames=4, inner="cnn"),
        inner=Build("network", "cnn", cnn.network, CONVOLUTIONS),
    ),
}
SPACES = {
    "vectors": Box(shape=(64,), low=-np.inf, high=np.inf),
    "pixels": Box(shape=(84, 84, 1), low=0, high=255, dtype="uint8"),
}
WINDOWS = {"vectors": 10, "pixels": 4}


def main() -> None:
    set_up(1, "avx2")
    kind, size = sys.argv[1], float((sys.argv[2:] or ["1"])[0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demos"
        train(kind, written(kind, 2, path))
        num_episodes = int(size * 2**30 / (LENGTH * row_bytes(kind)))
        written(kind, num_episodes, path)
        started, peaks = resident(), peaks_of(lambda: train(kind, store.load(path)))
    arrays = num_episodes * ((LENGTH + 1) * row_bytes(kind) + LENGTH * 2 * 4)
    batch = BATCH_SIZE * WINDOWS[kind] * row_bytes(kind)
    for name, what in (("VmRSS", "resident"), ("RssAnon", "allocated")):
        ratio = (peaks[name] - started[name] - batch) / arrays
        print(f"{kind}: {arrays / 2**30:.2f} GiB of arrays, {what} at the peak less one batch: {ratio:.3f} of them")


def row_bytes(kind: str) -> int:
    """The bytes of an observation."""
    space = SPACES[kind]
    return space.size * np.dtype(space.dtype).itemsize


def written(kind: str, num_episodes: int, path: Path) -> Demonstrations:
    """An artifact of random episodes, read again."""
    random, space, rows = np.random.default_rng(0), SPACES[kind], num_episodes * (LENGTH + 1)
    if space.is_floating:
        obs = random.standard_normal((rows, *space.shape), np.float32)
    else:
        obs = random.integers(0, 256, (rows, *space.shape), np.uint8)
    ended = np.ones(num_episodes, bool)
    steps = num_episodes * LENGTH
    demos = Demonstrations(
        obs=obs,
        actions=random.uniform(-1.0, 1.0, (steps, 2)).astype(np.float32),
        rewards=np.zeros(steps, np.float32),
        terminated=~ended,
        truncated=ended,
        lengths=np.full(num_episodes, LENGTH, np.int32),
        spaces=Spaces(observation=space, action=Box.symmetric((1.0, 1.0))),
    )
    store.save(demos, path)
    return store.load(path)


def train(kind: str, demos: Demonstrations) -> Seeds[Any]:
    """A short training run: its first step has taken all that any of them takes."""
    head = Build("policy", "deterministic", policy, Deterministic(), (NETWORKS[kind],))
    spec = BC(batch_size=BATCH_SIZE, num_steps=20)
    return loop.train(lambda key: imitate(spec, head, demos, key=key), key=jax.random.key(0))


def peaks_of(run: Callable[[], object]) -> dict[str, int]:
    """The largest of what is resident while this runs, sampled every few milliseconds."""
    peaks, done = resident(), threading.Event()

    def watch() -> None:
        while not done.wait(0.003):
            now = resident()
            peaks.update({name: max(peaks[name], now[name]) for name in peaks})

    watcher = threading.Thread(target=watch)
    watcher.start()
    run()
    done.set()
    watcher.join()
    return peaks


def resident() -> dict[str, int]:
    """The bytes that are resident, and those of them that belong to no file."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(lines[name].split()[0]) * 1024 for name in ("VmRSS", "RssAnon")}


if __name__ == "__main__":
    main()
