"""The policies of Stable-Baselines3 in JAX: what their weights compute when `predict(deterministic=True)` is called.

With x the output of the layers and [l, h] the action space, an action is clip(x, l, h) for PPO and A2C,
l + (tanh(x) + 1) (h - l) / 2 for SAC, TD3, DDPG and what has `squash_output`, and argmax x where actions are discrete.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.errors import DataError
from ilkit.nn.flatten import flatten

Activation = Literal["tanh", "relu", "elu", "leaky_relu", "gelu", "silu"]

_ACTIVATIONS = {
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "elu": jax.nn.elu,
    "leaky_relu": jax.nn.leaky_relu,
    "gelu": lambda inputs: jax.nn.gelu(inputs, approximate=False),
    "silu": jax.nn.silu,
}
_CLIP_MEAN = 2.0
"""Where SAC explores by states (`use_sde`), the largest x; its default."""
_UNLIMITED = float(np.finfo(np.float32).max)


class _Form(NamedTuple):
    """How an algorithm names its layers, and what it does with them."""

    layers: tuple[str, ...]
    activation: Activation
    squashed: bool
    clipped: bool = False


_FORMS = {
    "action_net.weight": _Form(("mlp_extractor.shared_net", "mlp_extractor.policy_net", "action_net"), "tanh", False),
    "actor.log_std.weight": _Form(("actor.latent_pi", "actor.mu"), "relu", True),
    "actor.log_std": _Form(("actor.latent_pi", "actor.mu"), "relu", True),
    "actor.mu.0.weight": _Form(("actor.mu",), "relu", True),
    "q_net.q_net.0.weight": _Form(("q_net.q_net",), "relu", False),
}
"""The form of a policy by an array that it has, the first that is found: PPO and A2C; SAC, whose spread
may depend on the state; TD3 and DDPG; DQN."""


class SavedPolicy(Policy):
    """The deterministic action of a policy that Stable-Baselines3 has learnt."""

    weights: tuple[Float[Array, "outputs inputs"], ...]
    biases: tuple[Float[Array, " outputs"], ...]
    normalizer: Normalizer
    max_obs: Float[Array, ""]
    """What normalized observations are clipped at; the largest number where they aren't."""
    max_output: Float[Array, ""]
    """What the outputs of the layers are clipped at; the largest number where they aren't."""
    spaces: Spaces = eqx.field(static=True)
    activation: str = eqx.field(static=True)
    squashed: bool = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """The action."""
        outputs = self._outputs(
            jnp.clip(flatten(self.spaces.observation, self.normalizer(obs)), -self.max_obs, self.max_obs)
        )
        space = self.spaces.action
        if isinstance(space, Discrete):
            return carry, space.start + jnp.argmax(outputs).astype(jnp.int32)
        low, high = jnp.asarray(space.bounds, jnp.float32)
        if self.squashed:
            return carry, low + 0.5 * (jnp.tanh(outputs) + 1.0) * (high - low)
        return carry, jnp.clip(outputs, low, high)

    def _outputs(self, inputs: Float[Array, " obs"]) -> Float[Array, " outputs"]:
        activation = _ACTIVATIONS[self.activation]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            inputs = activation(weight @ inputs + bias)
        outputs = self.weights[-1] @ inputs + self.biases[-1]
        return jnp.clip(outputs, -self.max_output, self.max_output)


def saved_policy(
    weights: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],
    spaces: Spaces,
    *,
    activation: Activation | None = None,
    normalizer: Normalizer | None = None,
    max_obs: float = _UNLIMITED,
) -> Policy:
    """The policy of these weights and settings, in these spaces.

    **Raises:** `DataError` where there are other layers than linear ones, sizes don't fit the spaces or one another,
    or the activation isn't known here.
    """
    form = _form(weights)
    kwargs = settings.get("policy_kwargs")
    kwargs = kwargs if isinstance(kwargs, dict) else {}
    squashed = form.squashed or str(kwargs.get("squash_output")) == "True"
    found = _layers(weights, form)
    _check_sizes(found, spaces)
    if squashed and not (isinstance(spaces.action, Box) and np.isfinite(spaces.action.bounds).all()):
        raise DataError(f"The saved policy needs actions with finite bounds, got {spaces.action}. Choose its env.")
    return SavedPolicy(
        weights=tuple(jnp.asarray(weight, jnp.float32) for weight, _ in found),
        biases=tuple(jnp.asarray(bias, jnp.float32) for _, bias in found),
        normalizer=normalizer or Normalizer.identity(spaces.observation),
        max_obs=jnp.asarray(max_obs, jnp.float32),
        max_output=jnp.asarray(float(kwargs.get("clip_mean", _CLIP_MEAN)) if form.clipped else _UNLIMITED, jnp.float32),
        spaces=spaces,
        activation=activation or _saved_activation(kwargs) or form.activation,
        squashed=squashed,
    )


def _form(weights: Mapping[str, np.ndarray]) -> _Form:
    """The form of the policy; SAC's mean has a clip behind its layer where it explores by states."""
    other = [name for name in weights if "features_extractor" in name]
    if other:
        raise DataError(f"The saved policy must be an MlpPolicy, got one with {other[0]}. Save one of vectors.")
    for name, form in _FORMS.items():
        if name in weights:
            return form._replace(clipped="actor.log_std" in weights and "actor.mu.0.weight" in weights)
    raise DataError(
        f"The saved policy must be an MlpPolicy of PPO, A2C, SAC, TD3, DDPG or DQN, got {', '.join(list(weights)[:6])}."
    )


def _layers(weights: Mapping[str, np.ndarray], form: _Form) -> list[tuple[np.ndarray, np.ndarray]]:
    """The weight and the bias of each layer, in the order in which they are applied."""
    stems = [stem for prefix in form.layers for stem in _stems(weights, prefix)]
    for stem in stems:
        if not {f"{stem}.bias", f"{stem}.weight"} <= set(weights) or weights[f"{stem}.weight"].ndim != 2:
            raise DataError(f"The saved policy must have linear layers with biases only, got another one in {stem}.")
    return [(weights[f"{stem}.weight"], weights[f"{stem}.bias"]) for stem in stems]


def _stems(weights: Mapping[str, np.ndarray], prefix: str) -> list[str]:
    stems = {name.rpartition(".")[0] for name in weights if name.startswith(f"{prefix}.")}
    return sorted(stems, key=_number)


def _number(stem: str) -> int:
    last = stem.rsplit(".", 1)[-1]
    return int(last) if last.isdecimal() else 0


def _check_sizes(layers: list[tuple[np.ndarray, np.ndarray]], spaces: Spaces) -> None:
    sizes = [spaces.observation.size, *(weight.shape[0] for weight, _ in layers)]
    for index, (weight, bias) in enumerate(layers):
        if weight.shape[1] != sizes[index] or bias.shape != (sizes[index + 1],):
            raise DataError(
                f"Layer {index + 1} of the saved policy must take {sizes[index]} numbers, the size of what comes "
                f"before it (of observations, for the first), got {weight.shape[1]}. Was it learnt in another env?"
            )
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise DataError(f"Weights must be finite, but those of layer {index + 1} aren't. Train the model again.")
    if sizes[-1] != spaces.action.size:
        raise DataError(
            f"The saved policy must have {spaces.action.size} outputs for the {spaces.action.kind} actions of env, got "
            f"{sizes[-1]}. Was it learnt in another env?"
        )


def _saved_activation(kwargs: Mapping[str, Any]) -> Activation | None:
    """What the text of a pickled class says, such as <class 'torch.nn.modules.activation.ELU'>."""
    text = kwargs.get("activation_fn")
    if text is None:
        return None
    name = str(text).rstrip("'>").rsplit(".", 1)[-1]
    known: dict[str, Activation] = {
        "Tanh": "tanh",
        "ReLU": "relu",
        "ELU": "elu",
        "LeakyReLU": "leaky_relu",
        "GELU": "gelu",
        "SiLU": "silu",
    }
    if name not in known:
        raise DataError(
            f"The activation of the saved policy must be one of {', '.join(known)}, got {text}. "
            "If it is one of them, say so in expert.activation."
        )
    return known[name]
