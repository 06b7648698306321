"""What several tests need: plug-ins that are installed for the length of a test, and small things that train."""

import os
import textwrap
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import jax
import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from ilkit import entry_points
from ilkit.running.backend import compilation_cache
from ilkit.running.process_variables import assign, variables

assign(variables(1, "avx2"))  # before a test imports NumPy and JAX, as the runner does
_CACHE = {
    "jax_compilation_cache_dir": str(compilation_cache()),
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": 0,
}
# Compiling is most of what the tests do: what one worker, one run or a stage's process has compiled serves all others.
for name, value in {} if "JAX_COMPILATION_CACHE_DIR" in os.environ else _CACHE.items():
    os.environ[name.upper()] = str(value)  # for the processes that tests start
    jax.config.update(name, value)

from ilkit.registry import find as registry  # noqa: E402

# A busy machine is no fault of the code under test.
settings.register_profile("ilkit", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ilkit")


_FINISHED = count(1)
"""Counts the tests that this process has run."""


class ByComponent(LoadScopeScheduling):
    """Gives all tests of a file, of a component or of a head to one worker: they share what has been compiled."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        by_kind = test.startswith(("test_conformance[", "test_a_head_on_a_network"))
        return test.rpartition("-")[0] if by_kind else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByComponent:
    return ByComponent(config, log)


@pytest.fixture(autouse=True)
def _compiled_programs_are_let_go() -> Iterator[None]:
    """Each has memory maps of its own, of which Linux gives a process 65,530; it then aborts."""
    yield
    maps = Path("/proc/self/maps")
    if next(_FINISHED) % 20 == 0 and maps.is_file() and maps.read_bytes().count(b"\n") > 20_000:
        jax.clear_caches()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Installs a distribution of one module: `install("ilkit-xyz", "ilkit.imitate", "xyz = xyz:imitate", source)`."""

    def install_distribution(name: str, group: str, entry_point: str, source: str) -> Path:
        site = tmp_path / f"site-{name}"
        module = entry_point.split("=")[1].split(":")[0].strip()
        metadata = site / f"{name.replace('-', '_')}-1.2.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (metadata / "entry_points.txt").write_text(f"[{group}]\n{entry_point}\n")
        (site / f"{module}.py").write_text(textwrap.dedent(source))
        monkeypatch.syspath_prepend(str(site))
        _forget()
        return site

    yield install_distribution
    _forget()


def _forget() -> None:
    entry_points.component_entry_points.cache_clear()
    registry.installed.cache_clear()
    registry.declarations.cache_clear()
    registry._imported.cache_clear()
