"""What XLA, oneDNN, JAX, NumPy and OpenBLAS read from a process's variables when they start: bits depend on them."""

import os
import platform
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ilkit.errors import ParamsError
from ilkit.registry.settings import INSTRUCTION_SETS

_CONFIGURE = ("JAX_", "ONEDNN_", "DNNL_", "TENSORFLOW_USE_", "OPENBLAS_", "GOTO_", "NPY_", "PJRT_NPROC")
_CHANGE_NO_BIT = (
    *("JAX_PLATFORM", "JAX_COMPILATION_CACHE_", "JAX_PERSISTENT_CACHE_", "JAX_ENABLE_COMPILATION_CACHE", "JAX_LOG"),
    *("JAX_DEBUG_", "JAX_DUMP_", "JAX_EXPLAIN_", "JAX_TRACEBACK_", "JAX_CHECK_", "JAX_CUDA_VISIBLE"),
    *("JAX_ROCM_VISIBLE", "ONEDNN_VERBOSE", "DNNL_VERBOSE", "OPENBLAS_VERBOSE"),
)
_FLAGS_THAT_CHANGE_NO_BIT = ("--xla_dump_", "--xla_hlo_profile", "--xla_gpu_cuda_data_dir=", "--xla_log_")
_OF_AVX2 = (
    *("--xla_cpu_experimental_ynn_fusion_type=", "--xla_cpu_use_xnnpack=false"),
    *("--xla_cpu_max_isa=AVX2", "--xla_cpu_enable_platform_dependent_math=false"),
)
_OF_GPUS = ("--xla_gpu_deterministic_ops=true",)
_OURS = (*_OF_AVX2, *_OF_GPUS)

_NUMPY_FEATURES: dict[str, tuple[str, ...]] = {
    "AVX512F": ("avx512f",),
    "AVX512CD": ("avx512f", "avx512cd"),
    "AVX512_SKX": ("avx512f", "avx512cd", "avx512vl", "avx512bw", "avx512dq"),
    "AVX512_CLX": ("avx512vl", "avx512_vnni"),
    "AVX512_CNL": ("avx512vl", "avx512ifma", "avx512vbmi"),
    "AVX512_ICL": ("avx512vl", "avx512_vbmi2", "avx512_bitalg", "avx512_vpopcntdq"),
    "AVX512_SPR": ("avx512vl", "avx512_fp16"),
}
"""What NumPy calls the instructions above AVX2, and the flags of a processor that has them."""


def variables(num_threads: int, instruction_set: str) -> dict[str, str | None]:
    """What each variable must be; None is unset.

    YNNPACK, XNNPACK and oneDNN choose kernels by the processor, and so do OpenBLAS and NumPy's functions such as `exp`;
    LLVM compiles for the oldest processor with AVX2, without its approximate functions.
    """
    fixed = instruction_set == "avx2" and platform.machine() in ("x86_64", "AMD64")
    flags = [flag for flag in _given_flags() if flag not in _OURS]
    flags += _OF_AVX2 if fixed else ()
    flags += _OF_GPUS if Path("/proc/driver/nvidia/version").exists() else ()
    return {
        "NPROC": str(num_threads),
        "XLA_FLAGS": " ".join(flags) or None,
        "ONEDNN_MAX_CPU_ISA": "AVX2" if fixed else None,
        "OPENBLAS_NUM_THREADS": "1",
        "OPENBLAS_CORETYPE": "Haswell" if fixed else None,
        "NPY_DISABLE_CPU_FEATURES": " ".join(_features_above_avx2()) or None if fixed else None,
    }


def assign(wanted: dict[str, str | None]) -> None:
    """Sets the variables, for libraries that haven't read them yet."""
    for name, value in wanted.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def differing(wanted: dict[str, str | None], *names: str) -> list[str]:
    """Which of the variables named are other than wanted; the order of flags doesn't matter."""
    return [name for name in names if sorted(os.environ.get(name, "").split()) != sorted((wanted[name] or "").split())]


def check_flags() -> None:
    """Checks the flags that XLA was given by the user.

    **Raises:** `ParamsError` where one changes bits.
    """
    refused = [flag for flag in _given_flags() if flag not in _OURS and not flag.startswith(_FLAGS_THAT_CHANGE_NO_BIT)]
    if refused:
        raise ParamsError(
            f"XLA_FLAGS: must change no bit of a result ({', '.join(_FLAGS_THAT_CHANGE_NO_BIT)}), got "
            f"{' '.join(refused)}. Take it out."
        )


def foreign(wanted: dict[str, str | None]) -> list[str]:
    """The variables that configure one of the libraries, may change bits and aren't ours."""
    configure = [name for name in os.environ if name.startswith(_CONFIGURE) and not name.startswith(_CHANGE_NO_BIT)]
    return sorted(name for name in configure if name not in wanted)


def instruction_set_in_force() -> str:
    """The instruction set that this process was started with."""
    return INSTRUCTION_SETS["ONEDNN_MAX_CPU_ISA" not in os.environ]


def has_more_than_avx2() -> bool:
    """Whether the processor has AVX-512, as far as the system tells."""
    return "avx512f" in processor_flags()


@cache
def processor_flags() -> frozenset[str]:
    """What the system says that the processor has; empty where it doesn't say."""
    return frozenset(" ".join(_described("flags")).split())


def processor_name() -> str:
    """What the processor is called."""
    return next(_described("model name"), platform.processor() or platform.machine())


def _described(what: str) -> Iterator[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return
    yield from (line.partition(":")[2].strip() for line in lines if line.startswith(what))


def _given_flags() -> list[str]:
    return os.environ.get("XLA_FLAGS", "").split()


def _features_above_avx2() -> list[str]:
    """The names that the installed NumPy takes: it warns of those that it or the processor doesn't know."""
    known = dict(_NUMPY_FEATURES)
    if tuple(int(part) for part in version("numpy").split(".")[:2]) >= (2, 4):
        known = {"X86_V4": known["AVX512_SKX"], **{name: known[name] for name in ("AVX512_ICL", "AVX512_SPR")}}
    has: Callable[..., bool] = processor_flags().issuperset
    return [name for name, flags in known.items() if has(flags)]
