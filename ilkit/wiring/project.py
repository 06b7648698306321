"""Where things lie in the folder of a pipeline."""

from pathlib import Path

from ilkit.errors import ParamsError, WiringError
from ilkit.registry.document import read_document

ARTIFACTS = "artifacts"
"""The folder of all artifacts, one folder a stage."""


def pipeline_of(folder: Path) -> Path:
    """The file of the pipeline that the folder's `dvc.yaml` was compiled from.

    **Raises:** `WiringError` where there is no such `dvc.yaml`.
    """
    path = folder / "dvc.yaml"
    try:
        return folder / str(read_document(path)["stages"]["components"]["meta"]["pipeline"])
    except FileNotFoundError as error:
        raise WiringError(f"There is no {path}. Make it: `ilkit compile pipelines/NAME.py`.") from error
    except (ParamsError, KeyError, TypeError) as error:
        raise WiringError(
            f"{path} wasn't written by `ilkit compile`. Make it: `ilkit compile pipelines/NAME.py`."
        ) from error
