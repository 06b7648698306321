"""Setting JAX up before its first computation, so that the bits of a result don't depend on the machine."""

import hashlib
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from ilkit.errors import ParamsError
from ilkit.running.process_variables import assign, check_flags, differing, foreign, has_more_than_avx2, variables

_JAX = {
    "jax_enable_x64": False,
    "jax_threefry_partitionable": True,
    "jax_random_seed_offset": 0,
    "jax_default_prng_impl": "threefry2x32",
    "jax_default_matmul_precision": None,
    "jax_disable_jit": False,
}
"""The settings of JAX that results depend on, and what they must be."""


def fix_backend(num_threads: int, instruction_set: str) -> None:
    """Fixes the number of threads and the instruction set, on which the bits of results depend, in a process of any
    kind: for libraries that have started already it checks what they were started with.

    **Raises:** `ParamsError` where one was started with something else.
    """
    from jax._src import xla_bridge  # there is no public way to ask whether a backend was started

    check_flags()
    _check_jax()
    wanted = variables(num_threads, instruction_set)
    started = xla_bridge.backends_are_initialized()
    other = differing(wanted, "NPROC") if started else []
    if other:
        raise ParamsError(
            f"num_threads: must be what JAX was started with in this process (NPROC={os.environ.get('NPROC')}), got "
            f"{num_threads}. Start Python again, or set NPROC={num_threads} before the first computation."
        )
    other = differing(wanted, "XLA_FLAGS", "ONEDNN_MAX_CPU_ISA") if started else []
    if "numpy" in sys.modules and has_more_than_avx2():  # without, these variables change no bit
        other += differing(wanted, "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES")
    if other:
        raise ParamsError(_started_otherwise(instruction_set, num_threads, other, wanted))
    assign(wanted)


def set_up(num_threads: int, instruction_set: str) -> list[str]:
    """Prepares a process of the runner before NumPy and JAX are imported: every variable and setting that bits depend
    on, deterministic GPU kernels, the persistent compilation cache. Returns the variables that it put aside.

    **Raises:** `ParamsError` where `XLA_FLAGS` change bits, or JAX can't be started on the platform chosen.
    """
    check_flags()
    wanted = variables(num_threads, instruction_set)
    aside = [f"{name}={os.environ.pop(name)}" for name in foreign(wanted)]
    assign(wanted)
    import jax

    jax.config.update("jax_cpu_enable_async_dispatch", False)  # to wake a thread takes longer than a small policy
    folder = compilation_cache()
    folder.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:
        chosen = os.environ.get("JAX_PLATFORMS")
        raise ParamsError(
            f"JAX_PLATFORMS: must name what this machine and jaxlib have, got {chosen!r}. Unset it, or set it to cpu."
        ) from error
    return aside


def _started_otherwise(instruction_set: str, num_threads: int, names: list[str], wanted: dict[str, str | None]) -> str:
    values = [f"{name}={wanted[name] or ''!r}" for name in names]
    return (
        f"instruction_set: must be what JAX and NumPy were started with in this process, got {instruction_set!r}. "
        f"Start Python with {' '.join(values)}, or call "
        f"ilkit.running.backend.set_up({num_threads}, {instruction_set!r}) before NumPy and JAX are imported."
    )


def _check_jax() -> None:
    import jax

    for name, value in _JAX.items():
        found = getattr(jax.config, name, value)
        if getattr(found, "value", found) != value:
            raise ParamsError(f"{name}: results depend on it, so it must be {value!r}, got {found!r}. Set it back.")


def compilation_cache() -> Path:
    """The folder of compiled programs: one for each kind of processor and version of jaxlib."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return home / "ilkit" / f"jaxlib-{version('jaxlib')}-{_processor()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        described = "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
    except OSError:
        described = platform.processor() + platform.machine()
    return hashlib.sha256(described.encode()).hexdigest()[:12]
