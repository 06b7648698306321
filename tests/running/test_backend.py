import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jax
import pytest

from ilkit.errors import ParamsError
from ilkit.running.backend import fix_backend
from ilkit.running.process_variables import check_flags, variables
from ilkit.wiring.lock import folder_digest

pytestmark = pytest.mark.bits

OTHER_BITS = {
    "JAX_ENABLE_X64": "1",
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_RANDOM_SEED_OFFSET": "3",
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "NPY_ENABLE_CPU_FEATURES": "X86_V3",
}


@pytest.fixture
def project(tmp_path: Path, write_project: Callable[[Path], Path]) -> Path:
    return write_project(tmp_path)


def run(project: Path, stage: str, **changes: str) -> tuple[int, str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(project / "cache"), "PYTHONWARNINGS": "ignore", **changes}
    command = [sys.executable, "-m", "ilkit", "run", stage]
    done = subprocess.run(command, cwd=project, env=environment, text=True, capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_variables_of_the_libraries_change_no_byte(project: Path) -> None:
    def digests(**changes: str) -> list[str]:
        for stage in ("expert", "rollout"):
            code, said = run(project, stage, **changes)
            assert code == 0, said
            assert all(f"{name}={value} is put aside" in said for name, value in changes.items())
        return [folder_digest(project / "artifacts" / stage) for stage in ("expert", "rollout")]

    assert digests() == digests(**OTHER_BITS)
    log = (project / "artifacts/rollout.log").read_text()
    assert "instruction set: avx2\n" in log
    assert "\nprocessor: " in log


def test_a_platform_that_is_not_there_is_explained(project: Path) -> None:
    code, said = run(project, "expert", JAX_PLATFORMS="tpu")
    assert code == 2
    assert "error: JAX_PLATFORMS: must name what this machine and jaxlib have, got 'tpu'" in said
    assert "Traceback" not in said


def test_numpy_uses_nothing_above_avx2_and_warns_of_nothing() -> None:
    program = """if True:
        from ilkit.running.backend import set_up
        assert set_up(1, "avx2") == []
        from numpy.lib.introspect import opt_func_info
        used = {one["current"] for function in opt_func_info().values() for one in function.values()}
        assert not [name for name in used if "AVX512" in name or "X86_V4" in name], used
    """
    command = [sys.executable, "-W", "error::ImportWarning:numpy", "-c", program]
    subprocess.run(command, check=True)


def test_flags_that_change_bits_are_refused_and_others_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true --xla_dump_to=folder")
    with pytest.raises(ParamsError, match=r"got --xla_cpu_enable_fast_math=true\. Take it out"):
        check_flags()
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=folder")
    check_flags()
    assert "--xla_dump_to=folder" in str(variables(1, "avx2")["XLA_FLAGS"])
    assert variables(1, "native")["ONEDNN_MAX_CPU_ISA"] is None


def test_a_process_that_was_started_otherwise_is_refused() -> None:
    jax.devices()
    fix_backend(1, "avx2")
    with pytest.raises(ParamsError, match="instruction_set: must be what JAX and NumPy were started with"):
        fix_backend(1, "native")
    with jax.enable_x64(True), pytest.raises(ParamsError, match="jax_enable_x64: results depend on it"):
        fix_backend(1, "avx2")
    fix_backend(1, "avx2")
