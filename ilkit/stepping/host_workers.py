"""Episodes on the host in several processes, each of which runs whole episodes.

gymnasium's asynchronous vector environment exchanges messages at every step, which takes longer than a step of a cheap
environment. Here a process gets policies and seeds through files, and gives back episodes.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from ilkit.artifact import codec
from ilkit.data.environment import HostEnvironment
from ilkit.errors import DataError
from ilkit.stepping.host_episodes import Episode, InterruptedEpisodesError, Job, run_job

_MODULE = "ilkit.stepping.host_workers"
"""This one, which a process runs: `python -m ilkit.stepping.host_workers FOLDER`."""


def run_jobs(env: HostEnvironment, jobs: Sequence[Job]) -> list[list[Episode]]:
    """The episodes of every job, the same ones whatever the number of processes.

    **Raises:** `InterruptedEpisodesError` where the environment raises, with what every process has completed of the
    job at hand; `DataError` where a process can't be started.
    """
    count = min(env.num_workers, max(len(job.seeds) for job in jobs))
    shares = [[job._replace(seeds=job.seeds[index::count]) for job in jobs] for index in range(count)]
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(_started(env, share)) for share in shares[1:]]
        outcomes = [_outcomes(env, shares[0]), *(_results(*other) for other in others)]
    done = []
    for parts in zip(*outcomes, strict=False):
        episodes = {number: episode for part in parts for number, episode in part.episodes.items()}
        for part in parts:
            if part.error:
                raise InterruptedEpisodesError(f"{part.error} {len(episodes)} episodes were complete.", episodes)
        done.append([episodes[number] for number in sorted(episodes)])
    return done


def run_share(folder: Path) -> None:
    """What a process does: runs the jobs that lie in a folder, and writes their episodes there."""
    env, described = codec.read(folder / "env"), json.loads((folder / "jobs.json").read_text())
    jobs = [_job(one, folder / f"policy-{index}") for index, one in enumerate(described)]
    for index, outcome in enumerate(_outcomes(env, jobs, shows_progress=False)):
        _write(folder / f"episodes-{index}.npz", outcome)


_PER_STEP, _PER_EPISODE = ("intended", "executed", "rewards"), ("terminated", "success")


class _Outcome(NamedTuple):
    episodes: dict[int, Episode]
    error: str = ""
    """What the environment raised, if it did; no later job was run then."""


def _outcomes(env: HostEnvironment, jobs: Sequence[Job], *, shows_progress: bool = True) -> list[_Outcome]:
    outcomes = []
    for job in jobs:
        try:
            outcomes.append(_Outcome(run_job(env, job, shows_progress=shows_progress)))
        except InterruptedEpisodesError as error:
            return [*outcomes, _Outcome(error.finished, str(error))]
    return outcomes


def _job(described: dict[str, Any], policy: Path) -> Job:
    seeds = [np.random.SeedSequence(entropy, spawn_key=tuple(key)) for entropy, key in described["seeds"]]
    noise = None if described["noise"] is None else jnp.asarray(described["noise"], jnp.float32)
    return Job(codec.read(policy), seeds, noise, described["stochastic"])


@contextlib.contextmanager
def _started(env: HostEnvironment, jobs: Sequence[Job]) -> Iterator[tuple[Path, "subprocess.Popen[bytes]"]]:
    with tempfile.TemporaryDirectory(prefix="ilkit-episodes-") as name:
        folder = Path(name)
        _describe(env, jobs, folder)
        with subprocess.Popen([sys.executable, "-m", _MODULE, name], env=_environment()) as process:
            try:
                yield folder, process
            finally:
                process.kill()


def _describe(env: HostEnvironment, jobs: Sequence[Job], folder: Path) -> None:
    for name, thing in [("env", env), *((f"policy-{index}", job.policy) for index, job in enumerate(jobs))]:
        (folder / name).mkdir()
        codec.write(thing, folder / name)
    described = [
        {
            "seeds": [(seed.entropy, seed.spawn_key) for seed in job.seeds],
            "noise": None if job.noise is None else np.asarray(job.noise).tolist(),
            "stochastic": job.stochastic,
        }
        for job in jobs
    ]
    (folder / "jobs.json").write_text(json.dumps(described))


def _environment() -> dict[str, str]:
    """That of this process, with the same code, the same threads and the same compilation cache."""
    cache = jax.config.values["jax_compilation_cache_dir"]
    settings = {
        "JAX_CPU_ENABLE_ASYNC_DISPATCH": "false",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        **({"JAX_COMPILATION_CACHE_DIR": str(cache)} if cache else {}),
    }
    return {**os.environ, **settings}


def _results(folder: Path, process: "subprocess.Popen[bytes]") -> list[_Outcome]:
    status = process.wait()
    if status != 0:
        raise DataError(f"A process that runs episodes ended with status {status}. Set num_workers of the env to 1.")
    return [_read(folder / f"episodes-{index}.npz") for index in range(len(list(folder.glob("episodes-*.npz"))))]


def _write(path: Path, outcome: _Outcome) -> None:
    numbers, episodes = list(outcome.episodes), list(outcome.episodes.values())
    columns = {}
    if episodes:
        columns = {name: np.concatenate([getattr(one, name) for one in episodes]) for name in _PER_STEP}
        columns |= _named(jax.tree.map(lambda *rows: np.concatenate(rows), *(one.obs for one in episodes)))
        columns["lengths"] = np.asarray([len(one.rewards) for one in episodes])
        columns |= {name: np.asarray([getattr(one, name) for one in episodes]) for name in _PER_EPISODE}
    np.savez(path, allow_pickle=False, numbers=np.asarray(numbers, int), error=np.asarray(outcome.error), **columns)


def _read(path: Path) -> _Outcome:
    with np.load(path, allow_pickle=False) as archive:
        numbers, error = archive["numbers"].tolist(), str(archive["error"])
        if not numbers:
            return _Outcome({}, error)
        ends = np.cumsum(archive["lengths"])[:-1]
        obs = _split(archive, ends + np.arange(1, len(ends) + 1))
        columns = [np.split(archive[name], ends) for name in _PER_STEP]
        rows = zip(obs, *columns, *(archive[name].tolist() for name in _PER_EPISODE), strict=True)
        return _Outcome({number: Episode(*row) for number, row in zip(numbers, rows, strict=True)}, error)


def _named(obs: PyTree) -> dict[str, np.ndarray]:
    return {f"obs.{name}": rows for name, rows in obs.items()} if isinstance(obs, dict) else {"obs": obs}


def _split(archive: Mapping[str, np.ndarray], ends: np.ndarray) -> list[PyTree]:
    """The observations of each episode."""
    if "obs" in archive:
        return np.split(archive["obs"], ends)
    names = [name for name in archive if name.startswith("obs.")]
    parts = zip(*(np.split(archive[name], ends) for name in names), strict=True)
    return [{name.removeprefix("obs."): rows for name, rows in zip(names, part, strict=True)} for part in parts]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one ends it
    warnings.simplefilter("ignore")  # it warns of the same
    run_share(Path(sys.argv[1]))
