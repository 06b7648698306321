"""Having MuJoCo warn through Python, which it does on the screen and into a file of the current folder otherwise."""

import importlib.util
import warnings
from functools import cache


def hear_mujoco() -> None:
    """Turns MuJoCo's warnings into those of Python, each once; nothing where it isn't installed."""
    if importlib.util.find_spec("mujoco"):
        importlib.import_module("mujoco").set_mju_user_warning(_warn_once)


@cache
def _warn_once(text: str) -> None:
    category = DeprecationWarning if "deprecated" in text else UserWarning  # the models are gymnasium's
    warnings.warn(f"MuJoCo: {text}", category, stacklevel=2)
