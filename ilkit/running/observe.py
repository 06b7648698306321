"""What a person sees of a running stage, and what is written down of it: progress, one line, a log, checkpoints."""

import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.report import Report
from ilkit.data.seeds import Seeds
from ilkit.data.training import Training
from ilkit.errors import NonFiniteError, counted
from ilkit.running import loop
from ilkit.running.checkpoint import load_checkpoint, remove_checkpoint, save_checkpoint
from ilkit.running.process_variables import instruction_set_in_force, processor_name
from ilkit.wiring.project import ARTIFACTS

_CHECKPOINT_SECONDS = 3.0
_LONG_SECONDS = 60.0
_TELLING_SECONDS = 0.2


class StopRequestError(Exception):
    """A person stopped the stage; its checkpoint is kept."""


class Observer:
    """Watches one stage: draws its progress, keeps its checkpoints, writes its log."""

    def __init__(self, name: str, kind: str, log: Path) -> None:
        self.name, self.kind, self.log = name, kind, log
        self.began = time.perf_counter()
        self.notes: list[str] = []
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("")
        self.write(f"stage: {name} ({kind})")
        self.write(f"began: {time.strftime('%Y-%m-%dT%H:%M:%S%z')}")
        self.write(f"machine: {platform.platform()}, {platform.machine()}, {os.cpu_count()} processors")
        self.write(f"processor: {processor_name()}")
        self.write(f"python: {platform.python_version()}, jax: {jax.__version__}, jaxlib: {version('jaxlib')}")
        self.write(f"threads: {os.environ.get('NPROC')}, instruction set: {instruction_set_in_force()}")
        self.write(f"backend: {jax.default_backend()}")

    def write(self, line: str) -> None:
        """Adds a line to the log."""
        with self.log.open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    def made(self, made: Any) -> None:
        """Notes what came out."""
        if isinstance(made, Demonstrations):
            self.notes.append(f"{made.size}, {_return_of(made)}{_noise_of(made)}")
        if isinstance(made, Report):
            page = self.log.with_suffix("") / "report.html"
            self.notes.append(f"\n{made.summary.rstrip()}\n\nThe whole report: {page}\n")

    @contextmanager
    def training(
        self, training: Training[Any], num_seeds: int, checkpoints: Path
    ) -> Iterator[tuple[loop.Progress, Callable[[loop.Progress], None]]]:
        """The progress that a training run goes on from, and what watches it: a bar, checkpoints, interrupts.

        What raises in the middle, an environment or an expert, costs no step that was complete.
        """
        progress = self._begin(training, num_seeds, checkpoints)
        with _interruptible() as interrupted, self._bar(training.num_steps, progress.step) as bar:
            last, reached = time.perf_counter(), progress
            seen = [(progress.step, last)]

            def watch(progress: loop.Progress) -> None:
                nonlocal last, reached
                reached = progress
                now, left = time.perf_counter(), training.num_steps - progress.step
                bar.update(progress.step - seen[-1][0])
                seen.append((progress.step, now))
                self._say_how_long(seen, left)
                if left and (interrupted or now - last > _CHECKPOINT_SECONDS):
                    save_checkpoint(progress, checkpoints)
                    last = now
                if left and interrupted:
                    raise StopRequestError(
                        f"{self.name}: stopped at step {progress.step:,} of {training.num_steps:,}. "
                        "Run it again to go on from there."
                    )

            try:
                yield progress, watch
            except Exception as error:
                if reached.step > progress.step and not isinstance(error, (StopRequestError, NonFiniteError)):
                    save_checkpoint(reached, checkpoints)
                raise
        remove_checkpoint(checkpoints)

    def _say_how_long(self, seen: list[tuple[int, float]], left: int) -> None:
        """Says it once, by the first chunk that is long enough to tell and doesn't compile."""
        lasting = [index for index in range(2, len(seen)) if seen[index][1] - seen[index - 1][1] > _TELLING_SECONDS]
        if lasting != [len(seen) - 1]:
            return
        (step, began), (stop, ended) = seen[-2:]
        seconds = (ended - began) / (stop - step) * left
        if seconds > _LONG_SECONDS:
            print(f"{self.name}: about {_duration(seconds)}, as far as the first steps tell.", flush=True)

    def _begin(self, training: Training[Any], num_seeds: int, checkpoints: Path) -> loop.Progress:
        initial = loop.start(training, num_seeds)
        progress = load_checkpoint(initial, checkpoints)
        if progress.step:
            self.notes.append(f"resumed at step {progress.step:,}")
        return progress

    def trained(self, training: Training[Any], learnt: Seeds[Any], remarks: Sequence[str]) -> None:
        """Notes what a training run ended with, and what is to remark on it."""
        seeds = f" x {len(learnt)} seeds" if len(learnt) > 1 else ""
        self.notes.append(f"{counted(training.num_steps, 'step')}{seeds}")
        last = {name: np.asarray(curve)[..., -1] for name, curve in learnt.curves.items() if training.num_steps}
        for name, ends in last.items():
            if name == "return" and not np.all(last.get("episodes", 1)):
                self.notes.append(
                    f"return unknown (no episode ended in {counted(int(np.sum(last['episodes'] == 0)), 'seed')})"
                )
            elif name not in ("step", "env_steps"):
                self.notes.append(f"{name} {float(np.mean(ends)):.4g}")
        self.notes += remarks

    def _bar(self, total: int, initial: int) -> tqdm:
        return tqdm(total=total, initial=initial, desc=self.name, unit="step", delay=2.0, disable=None, leave=False)

    def line(self) -> str:
        """The one line that is left of a stage."""
        seconds = time.perf_counter() - self.began
        return f"{self.name:<30}{self.kind:<14}{seconds:6.1f} s   {', '.join(self.notes)}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return counted(minutes, "minute") if minutes < 120 else counted(round(minutes / 60), "hour")


def _return_of(demos: Demonstrations) -> str:
    known = demos.returns[np.isfinite(demos.returns)]
    if not len(known):
        return "no rewards"
    missing = demos.num_episodes - len(known)
    return f"return {known.mean():.1f}" + (f" (unknown in {counted(missing, 'episode')})" if missing else "")


def _noise_of(demos: Demonstrations) -> str:
    """How far what was done is from what was intended, where both are there and actions are vectors."""
    if demos.executed is None or demos.actions.dtype.kind != "f":
        return ""
    noise = np.sqrt(np.mean((demos.executed - demos.actions) ** 2))
    return f", executed within {noise:.3g} (rms) of what was intended"


@contextmanager
def observed_stage(name: str, kind: str, folder: Path) -> Iterator[Observer]:
    """Observes a stage from its start to its end or its failure; the log lies beside the artifact."""
    observer = Observer(name, kind, folder / ARTIFACTS / f"{name}.log")
    try:
        yield observer
    except StopRequestError as stop:
        observer.write(str(stop))
        raise
    except BaseException as error:
        observer.write(f"failed after {time.perf_counter() - observer.began:.1f} s: {type(error).__name__}: {error}")
        observer.write("".join(traceback.format_exception(error)))
        raise
    observer.write(observer.line())
    print(observer.line().rstrip(), flush=True)


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Collects interrupts, so that a run stops between two chunks; a second one stops at once."""
    received: list[int] = []

    def note(number: int, _: Any) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        print("\nStopping after this chunk; again to stop at once.", file=sys.stderr, flush=True)

    with suppress(ValueError):  # only the main thread may set handlers
        former = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
