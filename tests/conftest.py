"""What several tests need: plug-ins that are installed for the length of a test, and small things that train."""

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ilkit import entry_points
from ilkit.running.process_variables import assign, variables

assign(variables(1, "avx2"))  # before a test imports NumPy and JAX, as the runner does

from ilkit.registry import find as registry  # noqa: E402

# A busy machine is no fault of the code under test.
settings.register_profile("ilkit", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ilkit")


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
