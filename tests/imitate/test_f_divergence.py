import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.spaces import Box, Discrete
from ilkit.errors import DataError
from ilkit.imitate.f_divergence import FDivergence, imitate
from ilkit.math.divergences import DIVERGENCES, divergence_of
from ilkit.running.loop import train

QUICK = {"learning_rate": 1e-2, "critic_learning_rate": 5e-3, "critic_hidden": (32, 32), "num_steps": 700}


def clone(spec, head, demos):
    return train(lambda key: imitate(spec, head, demos, key=key), key=jax.random.key(0))


def two_modes(labeled, weight):
    """Actions of N(2, ½²) with this weight, else of N(-2, ½²)."""
    random = np.random.default_rng(0)
    means = np.where(random.random((4000, 1)) < weight, 2.0, -2.0)
    return labeled(random.normal(size=(4000, 1)), means + 0.5 * random.normal(size=(4000, 1)))


def normal(policy, obs):
    """Mean and standard deviation of the action at an observation."""
    distribution = policy.distribution(policy.outputs((), jnp.array([obs]))[1])
    return float(policy.units.action(distribution.loc)[0]), float((policy.units.half_range * distribution.scale)[0])


@pytest.mark.parametrize(
    ("divergence", "weight", "mean", "std"),
    [("forward_kl", 0.5, 0.0, 2.06), ("jensen_shannon", 0.5, 0.0, 2.04), ("reverse_kl", 0.75, 2.0, 0.5)],
)
def test_from_samples_each_divergence_covers_or_seeks_as_its_order_says(head, labeled, divergence, weight, mean, std):
    spec = FDivergence(divergence=divergence, **QUICK)
    learnt = clone(spec, head("gaussian"), two_modes(labeled, weight))[0]
    found, spread = normal(learnt, 0.0)
    assert abs(found) == pytest.approx(mean, abs=0.3)
    assert spread == pytest.approx(std, rel=0.15)


@pytest.mark.parametrize("divergence", ["total_variation", "custom"])
def test_a_gaussian_expert_is_recovered_from_samples(head, labeled, divergence, tmp_path):
    (tmp_path / "hellinger.py").write_text("def f(u):\n    return (u**0.5 - 1) ** 2\n")
    random = np.random.default_rng(0)
    obs = random.normal(size=(4000, 1))
    demos = labeled(obs, 1.5 * obs + 0.5 * random.normal(size=(4000, 1)))
    function = tmp_path / "hellinger.py" if divergence == "custom" else None
    learnt = clone(FDivergence(divergence=divergence, function=function, **QUICK), head("gaussian"), demos)[0]
    low, high = normal(learnt, -1.0), normal(learnt, 1.0)
    assert (high[0] - low[0]) / 2 == pytest.approx(1.5, abs=0.2)
    assert high[1] == pytest.approx(0.5, rel=0.35)


def test_a_deterministic_head_learns_a_linear_expert_from_samples(head, labeled):
    obs = np.random.default_rng(0).normal(size=(2000, 2))
    demos = labeled(obs, obs @ [[1.0], [-0.5]], Box.symmetric((4.0,)))
    learnt = clone(FDivergence(**{**QUICK, "learning_rate": 5e-3}), head("deterministic"), demos)[0]
    gain = jax.jacobian(lambda one: learnt.mode((), one)[1])(jnp.zeros(2))
    np.testing.assert_allclose(gain, [[1.0, -0.5]], atol=0.1)


def test_a_custom_divergence_is_traced_once_for_two_runs(head, labeled, tmp_path):
    path, traces = tmp_path / "mine.py", []
    demos = labeled(np.zeros((8, 1)), np.zeros((8, 1)))

    @jax.jit
    def take(step, state, key):
        traces.append(None)
        return step(state, key)

    def run(factor, learning_rate):
        path.write_text(f"def f(u):\n    return {factor} * (u - 1) ** 2\n")
        spec = FDivergence(divergence="custom", function=path, learning_rate=learning_rate, critic_hidden=(4,))
        training = imitate(spec, head("gaussian"), demos, key=jax.random.key(0))
        take(training.step, training.state, jax.random.key(0))
        return len(traces)

    assert [run(1, 1e-3), run(1, 1e-2), run(2, 1e-3)] == [1, 1, 2]


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_the_bound_of_the_critic_is_alike_on_both_sides_of_equal_densities(divergence):
    """Where p = q the bound E_p[g(V)] - E_q[f*(g(V))] has its supremum at V = 0, the middle of what V may be."""
    term = DIVERGENCES[divergence]
    values = jnp.linspace(-5.0, 5.0, 1001)
    gap = term.expert_term(values) - term.learner_term(values)
    assert float(gap[500]) == pytest.approx(float(gap.max()), abs=1e-6)


FREQUENCIES = np.array([0.6, 0.1, 0.3])


def discrete(labeled):
    random = np.random.default_rng(0)
    return labeled(random.normal(size=(4000, 1)), random.choice(3, 4000, p=FREQUENCIES), Discrete(size=3))


def test_without_reparameterization_the_likelihood_ratio_gradient_learns(head, labeled):
    learnt = clone(FDivergence(divergence="reverse_kl", **QUICK), head("categorical"), discrete(labeled))[0]
    found = jax.nn.softmax(learnt.outputs((), jnp.zeros(1))[1])
    np.testing.assert_allclose(found, FREQUENCIES, atol=0.08)


@pytest.mark.parametrize("divergence", ["forward_kl", "reverse_kl"])
def test_the_critic_finds_the_divergence_of_a_learner_that_stands_still(head, labeled, divergence):
    spec = FDivergence(
        divergence=divergence,
        learning_rate=1e-30,
        critic_learning_rate=3e-3,
        critic_hidden=(),
        critic_decay=0.0,
        batch_size=200,
        num_steps=400,
    )
    learnt = clone(spec, head("categorical"), discrete(labeled))
    log_prob = jax.nn.log_softmax(learnt[0].outputs((), jnp.zeros(1))[1])
    expected = float(divergence_of(DIVERGENCES[divergence], jnp.log(FREQUENCIES), log_prob))
    assert float(learnt.curves["divergence"][0, -100:].mean()) == pytest.approx(expected, abs=0.05 + 0.1 * expected)


def test_a_custom_divergence_needs_a_file_and_a_file_a_custom_divergence(tmp_path):
    with pytest.raises(ValidationError, match="divergence custom goes with function, got custom with None"):
        FDivergence(divergence="custom")
    with pytest.raises(ValidationError, match="divergence custom goes with function, got reverse_kl with"):
        FDivergence(function=tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("g = 1", "must define a function f"),
        ("def f(u):\n    return u ** 2", r"must be convex with f\(1\) = 0"),
        ("def f(u):\n    return 1 - u ** 2", r"must be convex with f\(1\) = 0"),
        ("def f(u): return (", "can't be read"),
    ],
)
def test_a_file_without_a_convex_f_is_refused(head, labeled, tmp_path, source, message):
    path = tmp_path / "mine.py"
    path.write_text(source)
    with pytest.raises(DataError, match=message):
        clone(FDivergence(divergence="custom", function=path), head("gaussian"), two_modes(labeled, 0.5))
