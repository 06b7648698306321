"""A policy that Stable-Baselines3 (Raffin et al., 2021) has learnt and saved, as the expert."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray
from pydantic import PositiveFloat

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces, vectors
from ilkit.errors import DataError
from ilkit.spec import Spec
from ilkit_stable_baselines3.archive import read_archive
from ilkit_stable_baselines3.policy import Activation, saved_policy


class StableBaselines3(Spec):
    """A policy that Stable-Baselines3 has saved: an MlpPolicy of PPO, A2C, SAC, TD3, DDPG or DQN."""

    kind: Literal["stable_baselines3"] = "stable_baselines3"
    path: Path = Path("expert.zip")
    """The file that `model.save` has written, from the folder of `params.yaml`."""
    activation: Activation | None = None
    """The function between the layers; that of the file, or the algorithm's default one, where none is given."""
    statistics: Path | None = None
    """An .npz file with the arrays `mean` and `std` of observations, where VecNormalize has scaled them."""
    clip_obs: PositiveFloat = 10.0
    """Where there are statistics, what scaled observations are clipped at; `clip_obs` of VecNormalize."""


def expert(spec: StableBaselines3, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Policy:
    """Reads the policy: its deterministic action, within the bounds of the environment's action space.

    **Raises:** `DataError` where the file can't be read without unpickling it, isn't of such a policy, or is of one for
    other spaces than the environment's; or where the statistics aren't those of its observations.
    """
    del key
    spaces, archive = env().spaces, read_archive(spec.path)
    _check_space(archive.settings, spaces, spec.path)
    if spec.statistics is None:
        return saved_policy(archive.weights, archive.settings, spaces, activation=spec.activation)
    return saved_policy(
        archive.weights,
        archive.settings,
        spaces,
        activation=spec.activation,
        normalizer=_normalizer(spec.statistics, vectors(spaces.observation, "expert.statistics").size),
        max_obs=spec.clip_obs,
    )


def _normalizer(path: Path, size: int) -> Normalizer:
    if path.suffix != ".npz":
        raise DataError(
            f"expert.statistics must be an .npz file with mean and std, got {path}. What VecNormalize saves is a "
            "pickle, which is never loaded. Convert it once, where it was made: np.savez('obs.npz', "
            "mean=env.obs_rms.mean, std=np.sqrt(env.obs_rms.var + env.epsilon))."
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            mean, std = (np.asarray(arrays[name], np.float32) for name in ("mean", "std"))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} must hold the arrays mean and std: {error}. Write it with np.savez.") from error
    if mean.shape != (size,) or std.shape != (size,) or not (np.isfinite(mean).all() and (std > 0).all()):
        raise DataError(
            f"mean and std in {path} must have {size} entries, those of std positive, got {mean.shape} and "
            f"{std.shape}. Take those of the environment that the policy was learnt in."
        )
    return Normalizer(jnp.asarray(mean), jnp.asarray(std))


def _check_space(settings: Mapping[str, Any], spaces: Spaces, path: Path) -> None:
    """Compares the action space with what the file says of its own as text."""
    saved = settings.get("action_space")
    if not isinstance(saved, dict) or not isinstance(spaces.action, (Box, Discrete)):
        return
    if ("n" in saved) != isinstance(spaces.action, Discrete):
        raise DataError(
            f"The policy in {path} must have {spaces.action.kind} actions, as env has, got others. Choose its env."
        )
    bounds = spaces.action.bounds if isinstance(spaces.action, Box) else ()
    for name, needed in zip(("low", "high"), bounds, strict=False):
        found = _numbers(saved.get(name))
        if len(found) == len(needed) and not np.allclose(found, needed, rtol=1e-4, atol=1e-6):
            raise DataError(
                f"The policy in {path} must have been learnt with env's bounds of actions, {name} "
                f"{tuple(needed.tolist())}, got {tuple(found)}: its actions would be scaled otherwise. Choose its env."
            )


def _numbers(text: Any) -> list[float]:
    """The numbers in the text of an array; fewer than there are where it is abridged."""
    return [float(word) for word in re.findall(r"-?(?:inf|\d+\.?\d*(?:e[-+]?\d+)?)", str(text))]
