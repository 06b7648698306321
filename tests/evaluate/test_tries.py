"""What is found in so many tries: by who hits with a known probability, from starts that all share."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.seeds import Seeds
from ilkit.env import ledge, recall
from ilkit.errors import DataError
from ilkit.evaluate.tries import Tries, evaluate
from ilkit.exploration import ensemble_covariance, isotropic
from ilkit.finetune.none import None_, finetune
from ilkit.running import loop
from ilkit.testing.problems import demonstrations
from ilkit.testing.stand_ins import known_uncertainty

KEY = jax.random.key(0)
ENV: Build = Build("env", "ledge", ledge.env, ledge.Ledge(num_ledge_steps=1, half_width=9.0))
DEMOS = demonstrations(2, "continuous")


def exploring(scale: float) -> Seeds[Any]:
    noise: Build = Build(
        "exploration", "isotropic", isotropic.exploration, isotropic.Isotropic(scale=scale), optional=("uncertainty",)
    )
    cloned = ENV().demonstrator()
    return loop.train(lambda key: finetune(None_(rollout_length=4), noise, ENV, cloned, None, key=key), key=KEY)


def test_what_is_found_is_what_the_noise_makes_likely() -> None:
    spec = Tries(num_starts=16, num_tries=64)
    report = evaluate(spec, ENV, DEMOS, key=KEY, still=exploring(0.0), noisy=exploring(0.3))
    assert report.metrics["still"]["found"]["1"] == 1.0
    hit = report.metrics["noisy"]["success"]
    assert hit == pytest.approx(0.383, abs=0.05)  # P(|ε| < 0.15 / 0.3)
    assert report.metrics["noisy"]["found"]["4"] == pytest.approx(1 - (1 - hit) ** 4, abs=0.05)
    assert list(report.tables["learning_curves"]) == ["env_steps", "still", "noisy"]
    assert "In 64 tries" in report.html


def test_an_average_scale_is_that_of_the_visited_states() -> None:
    spec = ensemble_covariance.EnsembleCovariance(average_scale=0.2)
    noise: Build = Build("exploration", "ensemble_covariance", ensemble_covariance.exploration, spec)
    cloned, sure = ENV().demonstrator(), known_uncertainty(1, 0.01)
    learnt = loop.train(lambda key: finetune(None_(), noise, ENV, cloned, sure, key=key), key=KEY)
    policy, obs = learnt[0], jnp.zeros(3)
    actions = jax.vmap(lambda key: policy.sample((), obs, key=key)[1])(jax.random.split(KEY, 4000))
    running = policy.running
    expected = 0.2 * np.sqrt(0.01 / float(running.mean))  # cov = 0.01 where the state is 0
    assert float(actions.std()) == pytest.approx(expected, rel=0.05)
    assert learnt.curves["noise_scale"][0, -1] == pytest.approx(0.2, rel=0.1)


def test_what_cannot_start_twice_in_one_state_is_refused() -> None:
    build: Build = Build("env", "recall", recall.env, recall.Recall())
    with pytest.raises(DataError, match="states are vectors"):
        evaluate(Tries(), build, DEMOS, key=KEY, still=exploring(0.0))
    with pytest.raises(DataError, match="needs a policy to evaluate"):
        evaluate(Tries(), ENV, DEMOS, key=KEY)
