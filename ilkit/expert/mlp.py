"""An expert given by the weights of its network, in a NumPy archive.

The archive holds `w0, b0, w1, b1, ...` (a layer is x @ w + b, with the activation between layers) and, where there are
any, `obs_mean` and `obs_std`, by which observations are standardized, and `log_std`, by which sampled actions spread.
"""

from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from pydantic import NonNegativeFloat

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces, vectors
from ilkit.errors import DataError
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.layered_policy import CategoricalPolicy, FixedSpreadPolicy
from ilkit.nn.perceptron import Activation, Layers, Perceptron
from ilkit.spec import Spec

_LARGEST = 1 << 30
"""The most bytes that an array of weights may claim."""


class MLP(Spec):
    """A network whose weights are in a NumPy archive; its outputs are actions, or preferences of discrete ones."""

    kind: Literal["mlp"] = "mlp"
    path: Path = Path("expert.npz")
    """The archive, from the folder of `params.yaml`."""
    activation: Activation = "tanh"
    """What stands between two layers."""
    std_offset: NonNegativeFloat = 1e-6
    """What is added to `obs_std` before observations are divided by it."""
    squash: bool = False
    """Whether outputs go through a tanh and onto the range of the action space, as those of SAC and TD3 do."""
    pad_obs: bool = False
    """Whether an observation that is shorter than the first layer is filled up with zeros."""


def expert(spec: MLP, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Policy:
    """Reads the weights.

    **Raises:** `DataError` where the archive can't be read, holds something else, or doesn't fit the environment.
    """
    del key
    spaces = env().spaces
    vectors(spaces.observation, "expert.kind mlp")
    arrays = _read(spec.path)
    layers = _layers(arrays, spec)
    observed, size = spaces.observation.size, len(arrays["w0"])
    if observed > size or (observed < size and not spec.pad_obs):
        raise DataError(
            f"{spec.path}: w0 must take the {observed} entries of an observation, got {size}. Is it an expert of "
            "another env? If the others are always zero, set expert.mlp.pad_obs to true."
        )
    outputs = spaces.action.size
    if len(layers.biases[-1]) != outputs:
        raise DataError(
            f"{spec.path}: the last layer must have {outputs} outputs, one an action, got {len(layers.biases[-1])}."
        )
    mean, std = (_vector(arrays, name, size, spec.path) for name in ("obs_mean", "obs_std"))
    if (mean is None) != (std is None):
        raise DataError(f"{spec.path} must hold both or none of obs_mean and obs_std.")
    if mean is None or std is None:
        mean, std = np.zeros(size, np.float32), np.ones(size, np.float32)
    std = std + np.float32(spec.std_offset)
    layers = _without_absent_entries(layers, -mean / std, observed)
    normalizer = Normalizer(jnp.asarray(mean[:observed]), jnp.asarray(std[:observed]))
    log_std = _vector(arrays, "log_std", outputs, spec.path)
    return _policy(spec, layers, normalizer, log_std, spaces)


def _policy(
    spec: MLP, layers: Layers, normalizer: Normalizer, log_std: Float[np.ndarray, " act"] | None, spaces: Spaces
) -> Policy:
    network = Perceptron(layers=layers, observation=spaces.observation)
    if spec.squash and not (isinstance(spaces.action, Box) and np.isfinite(spaces.action.bounds).all()):
        raise DataError(f"expert.mlp.squash needs actions with finite bounds, got {spaces.action}. Leave it out.")
    if not isinstance(spaces.action, Box):
        return CategoricalPolicy(network=network, normalizer=normalizer, spaces=spaces)
    units = ActionUnits.of(spaces.action, squash=True) if spec.squash else ActionUnits.identity(spaces.action.size)
    spread = None if log_std is None else jnp.asarray(log_std)
    return FixedSpreadPolicy(network=network, normalizer=normalizer, spaces=spaces, units=units, log_std=spread)


def _without_absent_entries(layers: Layers, zeros: Float[np.ndarray, " inputs"], observed: int) -> Layers:
    """The layers for the first entries of an observation, the others' constant share moved into the first bias.

    `zeros` is what an observation of zeros is standardized to.
    """
    axis = 1 if len(layers.weights) == 1 else 0
    seen, absent = jnp.split(layers.weights[0], [observed], axis=axis)
    weights, bias = (seen, *layers.weights[1:]), layers.biases[0]
    return Layers(
        weights, (bias + jnp.tensordot(zeros[observed:], absent, (0, axis)), *layers.biases[1:]), layers.activation
    )


def _layers(arrays: dict[str, np.ndarray], spec: MLP) -> Layers:
    count = next(index for index in range(len(arrays) + 1) if f"w{index}" not in arrays)
    if count == 0:
        raise DataError(
            f"{spec.path} must hold the weights w0, b0, w1, ..., got {', '.join(sorted(arrays)) or 'none'}."
        )
    weights, biases = [], []
    size = None
    for index in range(count):
        weight = arrays[f"w{index}"]
        if weight.ndim != 2 or (size is not None and len(weight) != size):
            raise DataError(f"{spec.path}: w{index} must be a matrix of {size or 'any'} rows, got {weight.shape}.")
        size = weight.shape[1]
        bias = _vector(arrays, f"b{index}", size, spec.path)
        weights.append(jnp.asarray(weight.T if index == count - 1 else weight, jnp.float32))
        biases.append(jnp.zeros(size) if bias is None else jnp.asarray(bias))
    return Layers(tuple(weights), tuple(biases), spec.activation)


def _vector(arrays: dict[str, np.ndarray], name: str, size: int, path: Path) -> Float[np.ndarray, " size"] | None:
    if name not in arrays:
        return None
    vector = arrays[name]
    if vector.shape != (size,):
        raise DataError(f"{path}: {name} must be a vector of {size} numbers, got the shape {vector.shape}.")
    return vector.astype(np.float32)


def _read(path: Path) -> dict[str, np.ndarray]:
    """The numeric arrays of an archive, all finite."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            claimed = {info.filename: info.file_size for info in archive.zip.infolist()}
            largest = max(claimed, key=lambda name: claimed[name], default="")
            if claimed and claimed[largest] > _LARGEST:
                raise DataError(f"{path}: an array of weights may have 1 GiB at most, {largest} claims more.")
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise DataError(f"There is no {path}. Give the archive's path in expert.mlp.path.") from error
    except (OSError, ValueError, EOFError, AttributeError, TypeError, BadZipFile) as error:
        raise DataError(f"{path} must be a NumPy archive (.npz) without pickled objects: {error}.") from error
    numeric = {name: array for name, array in arrays.items() if array.dtype.kind in "fiu"}
    for name, array in numeric.items():
        if not np.isfinite(array).all():
            raise DataError(f"{path}: {name} must be finite, got NaN or infinity.")
    return numeric
