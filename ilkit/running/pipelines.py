"""Pipelines: plain functions that are traced, compiled to DVC, or run in memory."""

import importlib.util
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from ilkit.errors import WiringError
from ilkit.planning.plan import Plan
from ilkit.registry.settings import RawParams, read_params
from ilkit.running.run import run_in_memory
from ilkit.wiring.project import pipeline_of
from ilkit.wiring.tracing import Graph, trace


class Pipeline:
    """A function of plain calls of stages; calling it runs it in memory."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__

    @cached_property
    def graph(self) -> Graph:
        """The traced graph."""
        return trace(self.function)

    def run(self, params: RawParams | str | Path) -> dict[str, Any]:
        """Runs all stages in memory, with the same bytes as through DVC, and returns every artifact by its name."""
        return run_in_memory(Plan(self.graph, params if isinstance(params, dict) else read_params(Path(str(params)))))

    def __call__(self, params: RawParams | str | Path) -> Any:
        """Runs all stages in memory and returns what the function returns."""
        made, output = self.run(params), self.graph.output
        return made[output] if isinstance(output, str) else tuple(made[name] for name in output)


def pipeline(function: Callable[[Any], Any]) -> Pipeline:
    """Marks a function as a pipeline: one parameter, `params`, and only calls of stages inside."""
    return Pipeline(function)


def load_pipeline(path: Path) -> Pipeline:
    """Imports the file of a pipeline.

    **Raises:** `WiringError` where the file is missing, can't be imported, or holds not exactly one pipeline.
    """
    if not path.is_file():
        raise WiringError(f"There is no pipeline {path}. Name one: `ilkit compile pipelines/NAME.py`.")
    if path.suffix != ".py":
        raise WiringError(
            f"A pipeline must be a file of Python, got {path}. Name one: `ilkit compile pipelines/NAME.py`."
        )
    specification = importlib.util.spec_from_file_location(f"ilkit_pipeline_{path.stem}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        raise WiringError(f"{path} can't be imported: {type(error).__name__}: {error}") from error
    found = [value for value in vars(module).values() if isinstance(value, Pipeline)]
    if len(found) != 1:
        raise WiringError(f"{path} must hold exactly one function marked @pipeline, got {len(found)}.")
    return found[0]


def read_plan(folder: Path) -> Plan:
    """The plan of a folder: its `params.yaml` and the pipeline that its `dvc.yaml` was compiled from.

    **Raises:** `ParamsError` and `WiringError` where they can't be read.
    """
    raw = read_params(folder / "params.yaml")
    return Plan(load_pipeline(pipeline_of(folder)).graph, raw)
