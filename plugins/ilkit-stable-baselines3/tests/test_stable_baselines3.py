"""Policies that Stable-Baselines3 has saved: ilkit's conformance kit, and the actions of a model computed by hand."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ilkit_stable_baselines3.expert import StableBaselines3, expert
from ilkit_stable_baselines3.policy import saved_policy

from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.env.cart_pole import CartPole
from ilkit.env.cart_pole import env as cart_pole
from ilkit.env.pendulum import Pendulum
from ilkit.env.pendulum import env as pendulum
from ilkit.errors import DataError
from ilkit.testing import Check, checks
from ilkit.testing.problems import GAIN

Weights = Mapping[str, np.ndarray]
Save = Callable[..., Path]
KEY = jax.random.key(0)
PENDULUM = Build("env", "pendulum", pendulum, Pendulum())
UNEVEN = Spaces(observation=Box.symmetric((np.inf,) * 3), action=Box(low=(-2.0, 0.5), high=(1.0, 3.0)))
THREE = Spaces(observation=Box.symmetric((np.inf,) * 3), action=Discrete(size=3))
OBS = np.random.default_rng(1).normal(size=(32, 3)).astype(np.float32)


def layers(prefixes: list[str], sizes: list[int]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    found = {}
    for prefix, inputs, outputs in zip(prefixes, sizes[:-1], sizes[1:], strict=True):
        found[f"{prefix}.weight"] = random.normal(size=(outputs, inputs)).astype(np.float32)
        found[f"{prefix}.bias"] = random.normal(size=outputs).astype(np.float32)
    return found


def ppo(num_outputs: int) -> dict[str, np.ndarray]:
    value = layers(["mlp_extractor.value_net.0", "value_net"], [3, 7, 1])
    return (
        value
        | layers(["mlp_extractor.policy_net.0", "mlp_extractor.policy_net.2", "action_net"], [3, 8, 9, 2])
        | ({} if num_outputs == 2 else layers(["action_net"], [9, num_outputs]))
    )


def sac() -> dict[str, np.ndarray]:
    mean = layers(["actor.latent_pi.0", "actor.latent_pi.2", "actor.mu"], [3, 8, 9, 2])
    return mean | layers(["actor.log_std"], [9, 2]) | layers(["critic.qf0.0", "critic_target.qf0.0"], [5, 4, 1])


def td3() -> dict[str, np.ndarray]:
    return layers(["actor.mu.0", "actor.mu.2", "actor.mu.4"], [3, 8, 9, 2]) | layers(["actor_target.mu.0"], [3, 8])


def actions(policy: Policy, obs: np.ndarray = OBS) -> np.ndarray:
    return np.asarray(jax.jit(jax.vmap(lambda one: policy.mode((), one)[1]))(jnp.asarray(obs)))


def forward(weights: Weights, stems: list[str], activation: Any) -> np.ndarray:
    outputs = OBS.astype(np.float64)
    for index, stem in enumerate(stems):
        outputs = outputs @ weights[f"{stem}.weight"].T + weights[f"{stem}.bias"]
        outputs = activation(outputs) if index < len(stems) - 1 else outputs
    return outputs


def relu(inputs: np.ndarray) -> np.ndarray:
    return np.maximum(inputs, 0.0)


def unscaled(outputs: np.ndarray) -> np.ndarray:
    low, high = np.array([-2.0, 0.5]), np.array([1.0, 3.0])
    return low + 0.5 * (np.tanh(outputs) + 1.0) * (high - low)


ALL = checks("expert", "stable_baselines3", draws=False)


@pytest.mark.parametrize("check", [one for one in ALL if "other_processes" not in str(one)], ids=str)  # without torch
def test_conformance(check: Check, folder: Path, save: Save) -> None:
    linear = {"action_net.weight": GAIN, "action_net.bias": np.zeros(2, np.float32), "log_std": np.zeros(2, np.float32)}
    save(folder / "expert.zip", linear)
    check()


PPO_STEMS = ["mlp_extractor.policy_net.0", "mlp_extractor.policy_net.2", "action_net"]
SAC_STEMS = ["actor.latent_pi.0", "actor.latent_pi.2", "actor.mu"]
TD3_STEMS = ["actor.mu.0", "actor.mu.2", "actor.mu.4"]


def test_ppo_clips_its_mean() -> None:
    expected = np.clip(forward(ppo(2), PPO_STEMS, np.tanh), [-2.0, 0.5], [1.0, 3.0])
    np.testing.assert_allclose(actions(saved_policy(ppo(2), {}, UNEVEN)), expected, atol=1e-5)


def test_ppo_takes_the_most_probable_discrete_action() -> None:
    expected = forward(ppo(3), PPO_STEMS, np.tanh).argmax(axis=1)
    assert len(set(expected)) == 3
    found = actions(saved_policy(ppo(3), {}, THREE))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)


def test_ppo_with_squashed_output_scales_its_mean() -> None:
    settings = {"policy_kwargs": {"squash_output": True}}
    expected = unscaled(forward(ppo(2), PPO_STEMS, np.tanh))
    np.testing.assert_allclose(actions(saved_policy(ppo(2), settings, UNEVEN)), expected, atol=1e-5)


def test_sac_scales_its_squashed_mean() -> None:
    expected = unscaled(forward(sac(), SAC_STEMS, relu))
    np.testing.assert_allclose(actions(saved_policy(sac(), {}, UNEVEN)), expected, atol=1e-5)


def test_sac_that_explores_by_states_clips_its_mean() -> None:
    weights = layers(["actor.latent_pi.0", "actor.mu.0"], [3, 8, 2]) | {"actor.log_std": np.zeros((8, 2), np.float32)}
    outputs = forward(weights, ["actor.latent_pi.0", "actor.mu.0"], relu)
    assert (np.abs(outputs) > 2.0).any()
    expected = unscaled(np.clip(outputs, -2.0, 2.0))
    np.testing.assert_allclose(actions(saved_policy(weights, {}, UNEVEN)), expected, atol=1e-5)


def test_td3_scales_its_output_and_ignores_its_target() -> None:
    expected = unscaled(forward(td3(), TD3_STEMS, relu))
    np.testing.assert_allclose(actions(saved_policy(td3(), {}, UNEVEN)), expected, atol=1e-5)


def test_layers_are_ordered_by_number() -> None:
    stems = [f"actor.mu.{2 * index}" for index in range(7)]
    weights = dict(reversed(layers(stems, [3, *[8] * 6, 2]).items()))
    np.testing.assert_allclose(
        actions(saved_policy(weights, {}, UNEVEN)), unscaled(forward(weights, stems, relu)), atol=1e-5
    )


@pytest.mark.parametrize(("given", "saved"), [("relu", None), (None, "<class 'torch.nn.modules.activation.ReLU'>")])
def test_activation_is_the_one_given_or_that_of_the_file(given: Any, saved: str | None) -> None:
    settings = {"policy_kwargs": {"activation_fn": saved}} if saved else {}
    expected = np.clip(forward(ppo(2), PPO_STEMS, relu), [-2.0, 0.5], [1.0, 3.0])
    found = actions(saved_policy(ppo(2), settings, UNEVEN, activation=given))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_unknown_activation_is_refused() -> None:
    settings = {"policy_kwargs": {"activation_fn": "<class 'mine.Wiggle'>"}}
    with pytest.raises(DataError, match="Wiggle"):
        saved_policy(ppo(2), settings, UNEVEN)


def test_statistics_scale_and_clip_observations(folder: Path, save: Save) -> None:
    weights = {"action_net.weight": np.full((1, 3), 0.05, np.float32), "action_net.bias": np.zeros(1, np.float32)}
    save(folder / "expert.zip", weights)
    np.savez(folder / "obs.npz", mean=np.array([1.0, 2.0, 3.0]), std=np.array([0.5, 1.0, 1e-3]))
    spec = StableBaselines3(path=Path("expert.zip"), statistics=Path("obs.npz"), clip_obs=5.0)
    found = actions(expert(spec, PENDULUM, key=KEY), np.array([[2.0, 4.0, 9.0]], np.float32))
    np.testing.assert_allclose(found, [[0.05 * (2.0 + 2.0 + 5.0)]], atol=1e-6)


def test_pickled_statistics_are_refused_with_the_way_to_convert_them(folder: Path, save: Save) -> None:
    save(folder / "expert.zip", layers(["action_net"], [3, 1]))
    spec = StableBaselines3(path=Path("expert.zip"), statistics=Path("vecnormalize.pkl"))
    with pytest.raises(DataError, match=r"np\.savez"):
        expert(spec, PENDULUM, key=KEY)


@pytest.mark.parametrize("std", [[1.0, 1.0], [1.0, 0.0, 1.0]])
def test_wrong_statistics_are_refused(folder: Path, std: list[float], save: Save) -> None:
    save(folder / "expert.zip", layers(["action_net"], [3, 1]))
    np.savez(folder / "obs.npz", mean=np.zeros(3), std=np.array(std))
    with pytest.raises(DataError, match="3 entries"):
        expert(StableBaselines3(statistics=Path("obs.npz")), PENDULUM, key=KEY)


@pytest.mark.parametrize(("low", "fits"), [("[-2.]", True), ("[-1.]", False), ("[-3. ... -1.]", True)])
def test_other_bounds_of_actions_are_refused(folder: Path, low: str, fits: bool, save: Save) -> None:
    space = {":serialized:": "gA==", "low": low, "high": "[2.]"}
    save(folder / "expert.zip", layers(["action_net"], [3, 1]), action_space=space)
    if fits:
        assert actions(expert(StableBaselines3(), PENDULUM, key=KEY)).shape == (32, 1)
        return
    with pytest.raises(DataError, match="low"):
        expert(StableBaselines3(), PENDULUM, key=KEY)


def test_discrete_actions_in_a_continuous_environment_are_refused(folder: Path, save: Save) -> None:
    save(folder / "expert.zip", layers(["action_net"], [3, 1]), action_space={"n": "1"})
    with pytest.raises(DataError, match="box actions"):
        expert(StableBaselines3(), PENDULUM, key=KEY)


def test_another_environment_is_refused(folder: Path, save: Save) -> None:
    save(folder / "expert.zip", ppo(2))
    with pytest.raises(DataError, match="another env"):
        expert(StableBaselines3(), Build("env", "cart_pole", cart_pole, CartPole()), key=KEY)
    with pytest.raises(DataError, match="1 outputs"):
        expert(StableBaselines3(), PENDULUM, key=KEY)


def test_squashed_actions_without_bounds_are_refused() -> None:
    spaces = Spaces(observation=UNEVEN.observation, action=Box.symmetric((np.inf, np.inf)))
    with pytest.raises(DataError, match="finite bounds"):
        saved_policy(td3(), {}, spaces)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features_extractor.cnn.0.weight": np.zeros((1, 1))}, "MlpPolicy"),
        ({"action_net.weight": np.full((2, 9), np.nan)}, "finite"),
        ({"mlp_extractor.policy_net.1.weight": np.ones(8), "mlp_extractor.policy_net.1.bias": np.ones(8)}, "linear"),
        ({"action_net.bias": np.ones(5)}, "Layer 3"),
    ],
)
def test_other_networks_are_refused(changes: Weights, message: str) -> None:
    with pytest.raises(DataError, match=message):
        saved_policy(ppo(2) | dict(changes), {}, UNEVEN)


def test_unknown_algorithms_are_refused() -> None:
    with pytest.raises(DataError, match=r"got lstm\.weight"):
        saved_policy(layers(["lstm"], [3, 2]), {}, UNEVEN)
