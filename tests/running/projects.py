"""Folders with a pipeline that can be run."""

from pathlib import Path

from ilkit.running.pipelines import load_pipeline
from ilkit.wiring.dvc import compile_pipeline


def write_pipeline(folder: Path, pipeline: str, params: str, name: str = "pipeline.py") -> Path:
    """Writes a pipeline, its settings and its `dvc.yaml`."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(pipeline)
    (folder / "params.yaml").write_text(params)
    (folder / "dvc.yaml").write_text(compile_pipeline(load_pipeline(folder / name).graph, name))
    return folder
