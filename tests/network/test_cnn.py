"""Networks on pictures: what their convolutions compute, what joins after them, and what they refuse."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.network import Network
from ilkit.data.spaces import Box, Dict, Discrete, Space
from ilkit.errors import DataError
from ilkit.network.cnn import CNN, network
from ilkit.nn.fan_in import fan_in

pytestmark = pytest.mark.bits

SMALL: dict[str, Any] = {"channels": (2,), "kernel_sizes": (2,), "strides": (1,), "hidden": ()}


def picture(height: int, width: int, channels: int) -> Box:
    return Box(shape=(height, width, channels), low=0, high=255, dtype="uint8")


def built(space: Space, **settings: Any) -> Network:
    return network(CNN(**settings), space, 3, key=jax.random.key(0))


def drawn(space: Box) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, space.shape).astype(np.uint8)


def test_a_convolution_is_a_sum_over_patches_of_centered_pixels() -> None:
    space = picture(3, 4, 2)
    net, pixels = built(space, **SMALL), drawn(space)
    (weight,), (bias,) = net.convolutions[""].weights, net.convolutions[""].biases
    centered = pixels / 127.5 - 1.0
    patches = np.lib.stride_tricks.sliding_window_view(centered, (2, 2, 2))[:, :, 0]
    convolved = np.maximum(np.einsum("yxijc,ijco->yxo", patches, weight) + bias, 0.0)
    np.testing.assert_allclose(
        net((), jnp.asarray(pixels))[1], net.layers(jnp.asarray(convolved.ravel())), rtol=1e-4, atol=1e-5
    )


def test_by_default_it_is_the_network_that_steers_a_car() -> None:
    net = jax.eval_shape(lambda: built(picture(66, 200, 3)))
    assert [weight.shape[-1] for weight in net.convolutions[""].weights] == [24, 36, 48, 64, 64]
    assert net.layers.weights[0].shape == (1152, 100)  # 1 by 18 pixels of 64 channels


def test_vectors_join_after_the_convolutions_of_several_pictures() -> None:
    left, right = picture(3, 3, 1), picture(4, 5, 3)
    entries = {"gear": Discrete(size=4, start=1), "left": left, "right": right, "speed": Box.symmetric((1.0, 2.0))}
    net = built(Dict(entries=entries), **SMALL)
    obs = {
        "gear": jnp.int32(2),
        "left": jnp.asarray(drawn(left)),
        "right": jnp.asarray(drawn(right)),
        "speed": jnp.array([0.3, -0.7]),
    }
    seen = [net.convolutions[name](obs[name] / 127.5 - 1.0).ravel() for name in ("left", "right")]
    joined = jnp.concatenate([jnp.array([0.0, 1.0, 0.0, 0.0]), *seen, obs["speed"]])
    np.testing.assert_allclose(net((), obs)[1], net.layers(joined), rtol=1e-4, atol=1e-5)


def test_pictures_of_real_numbers_stay_as_they_are() -> None:
    net = built(Box(shape=(2, 2, 1), low=0.0, high=9.0), **SMALL)
    depths = jnp.arange(4.0).reshape(2, 2, 1)
    np.testing.assert_array_equal(net((), depths)[1], net.layers(net.convolutions[""](depths).ravel()))


def test_fan_in_of_every_weight_is_known() -> None:
    found = fan_in(built(picture(8, 8, 3), **{**SMALL, "channels": (2, 5), "kernel_sizes": (3, 2), "strides": (2, 1)}))
    assert (found.convolutions[""].weights, found.convolutions[""].biases) == ((27, 8), (1, 1))
    assert found.layers.weights == (2 * 2 * 5,)


@pytest.mark.parametrize(
    "space",
    [
        Box.symmetric((1.0, 1.0)),
        Box(shape=(64, 64), low=0, high=255, dtype="uint8"),
        Dict(entries={"speed": Box.symmetric((1.0,)), "gear": Discrete(size=4)}),
    ],
)
def test_observations_without_a_picture_are_refused(space: Space) -> None:
    with pytest.raises(DataError, match=r"needs a picture.*Choose network\.kind mlp"):
        built(space)


def test_a_picture_that_is_too_small_for_the_kernels_is_refused_unless_it_is_padded() -> None:
    space = Dict(entries={"front": picture(32, 64, 1)})
    with pytest.raises(DataError, match=r"front, 32 by 64.*layer 4 gets 1 by 5.*3 by 3.*padding same"):
        built(space)
    net = jax.eval_shape(lambda: built(space, padding="same"))
    assert net.layers.weights[0].shape == (4 * 8 * 64, 100)


def test_every_convolution_has_all_settings() -> None:
    with pytest.raises(ValidationError, match="an entry for each convolution, got 2, 5 and 5"):
        CNN(channels=(8, 8))
