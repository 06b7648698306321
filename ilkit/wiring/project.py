"""Where things lie in the folder of a pipeline."""

from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ilkit.errors import WiringError

ARTIFACTS = "artifacts"
"""The folder of all artifacts, one folder a stage."""


def pipeline_of(folder: Path) -> Path:
    """The file of the pipeline that the folder's `dvc.yaml` was compiled from.

    **Raises:** `WiringError` where there is no such `dvc.yaml`.
    """
    path = folder / "dvc.yaml"
    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        return folder / str(content["stages"]["components"]["meta"]["pipeline"])
    except FileNotFoundError as error:
        raise WiringError(f"There is no {path}. Make it: `ilkit compile pipelines/NAME.py`.") from error
    except (YAMLError, KeyError, TypeError) as error:
        raise WiringError(
            f"{path} wasn't written by `ilkit compile`. Make it: `ilkit compile pipelines/NAME.py`."
        ) from error
