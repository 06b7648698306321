"""What several tests need: plug-ins that are installed for the length of a test, and small things that train."""

import gc
import os
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

import jax
import pytest
from hypothesis import HealthCheck, settings
from jax._src import compiler  # there is no public way to give an option to whatever a process compiles
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
from ilkit.testing import Check  # noqa: E402

gc.set_threshold(50_000, 20, 100)  # what JAX traces is many objects and little garbage

# A busy machine is no fault of the code under test.
settings.register_profile("ilkit", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ilkit")


_FINISHED = count(1)
"""Counts the tests that this process has run."""


_HAS_OTHER_EMITTERS = tuple(int(part) for part in version("jaxlib").split(".")[:2]) < (0, 11)
_PLAIN = {"xla_backend_optimization_level": 0} | ({"xla_cpu_use_fusion_emitters": False} if _HAS_OTHER_EMITTERS else {})
"""XLA then compiles small programs in a quarter of the time, and they run longer."""
_options = compiler.get_compile_options


def _plain_options(*args: Any, env_options_overrides: dict[str, Any] | None = None, **kwargs: Any) -> Any:
    return _options(*args, env_options_overrides=_PLAIN | (env_options_overrides or {}), **kwargs)


_TO_ROUNDING = (
    *("step_jits", "step_is_traced_once", "seeds_train_together"),
    *("outputs_jit", "outputs_vmap", "outputs_are_traced_once", "actions_fit_the_space", "covariance_is_one"),
    *("density_fits_the_samples", "steering_draws_the_samples", "fits_a_linear_map", "fits_the_expert"),
    *("recovers_the_expert", "comes_near_the_expert", "improves_the_policy", "grows_off_the_data"),
    *("beats_random_actions", "explains_the_answers", "comes_nearer_to_what_is_preferred"),
    *("mirror_is_a_symmetry", "observations_can_be_inverted", "tables_are_the_dynamics", "frames_show_the_state"),
)
"""The checks of the kit that compare no bits."""
_OF_DIFFERENCES = "reward-bradley_terry-"
"""Answers say nothing of this kind's last bias: its gradient is a rounding error, of which Adam makes whole steps."""
_FOR_SECONDS = "network-transformer-fits_a_linear_map"
"""What computes so long that it pays to compile it well."""


class Compilation:
    """Has JAX compile as the runner does where bits of several programs are compared, and plainly elsewhere.

    To compile is most of what the tests do, and how fast a program is, or how its last bits are rounded, is nothing to
    a test of a closed form, of shapes or of an error. A test marked `bits` compares the bits of one program with those
    of another one, of another process or of a file: there XLA must fuse and round as it does for users. One marked
    `long` computes for seconds, for which it pays to compile well.
    """

    plain = False

    def set(self, plain: bool) -> None:
        """Chooses how what follows is compiled."""
        if self.plain and not plain:
            jax.clear_caches()  # a plain program mustn't serve where bits are compared
        self.plain = plain
        compiler.get_compile_options = _plain_options if plain else _options

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.set(not _as_the_runner_does(item))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Plain tests come first, then scopes with others, and in each those others before the plain ones."""
        sizes = Counter(_scope(item.nodeid) for item in items)
        mixed = {_scope(item.nodeid) for item in items if _as_the_runner_does(item)}

        def place(item: pytest.Item) -> tuple[bool, int, str, bool]:
            scope = _scope(item.nodeid)
            return scope in mixed, -sizes[scope], scope, not _as_the_runner_does(item)

        items.sort(key=place)


def _as_the_runner_does(item: pytest.Item) -> bool:
    if getattr(item, "originalname", "") == "test_conformance":
        return not _to_rounding(item.name.removesuffix("]"))
    elsewhere = not item.path.is_relative_to(Path(__file__).parent)
    marked = item.get_closest_marker("bits") or item.get_closest_marker("long")
    return elsewhere or marked is not None or "leaves" in getattr(item, "fixturenames", ())


def _to_rounding(check: str) -> bool:
    return check.rpartition("-")[2] in _TO_ROUNDING and _OF_DIFFERENCES not in check and _FOR_SECONDS not in check


_COMPILATION = Compilation()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_COMPILATION)  # for the tests of plug-ins too


@pytest.fixture
def run_kit() -> Callable[[Iterable[Check]], None]:
    """Runs checks of the kit in one test, those first that compare bits."""

    def run(checks: Iterable[Check]) -> None:
        for check in sorted(checks, key=lambda check: _to_rounding(str(check))):
            _COMPILATION.set(_to_rounding(str(check)))
            check()

    return run


def _scope(nodeid: str) -> str:
    """A file, a component or a head, whose tests one worker gets: they share what has been compiled."""
    file, _, test = nodeid.partition("::")
    by_kind = test.startswith(("test_conformance[", "test_a_head_on_a_network"))
    return test.rpartition("-")[0] if by_kind else file


class ByComponent(LoadScopeScheduling):
    """Gives scopes to the workers in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByComponent:
    config.option.loadscopereorder = False
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
