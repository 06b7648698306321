"""Setting JAX up before its first computation, so that the bits of a result don't depend on the machine's size."""

import hashlib
import os
import platform
from importlib.metadata import version
from pathlib import Path

from ilkit.errors import ParamsError


def fix_threads(num_threads: int) -> None:
    """Fixes the number of threads of XLA's CPU backend, on which the bits of its results depend.

    **Raises:** `ParamsError` where the backend was already started with another number.
    """
    from jax._src import xla_bridge  # there is no public way to ask whether a backend was started

    wanted, given = str(num_threads), os.environ.get("NPROC")
    if wanted != given and xla_bridge.backends_are_initialized():
        raise ParamsError(
            f"num_threads: must be what JAX was started with in this process (NPROC={given}), got {wanted}. "
            f"Start Python again, or set NPROC={wanted} before the first computation."
        )
    os.environ["NPROC"] = wanted


def set_up(num_threads: int) -> None:
    """Prepares a process of the runner: threads, deterministic GPU kernels, the persistent compilation cache."""
    if Path("/proc/driver/nvidia/version").exists():
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
    fix_threads(num_threads)
    import jax

    jax.config.update("jax_cpu_enable_async_dispatch", False)  # to wake a thread takes longer than a small policy
    folder = compilation_cache()
    folder.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


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
