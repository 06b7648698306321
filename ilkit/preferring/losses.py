"""Losses of pairs of clips: pure functions of what a model says of each pair.

The answer to a pair is the probability p that its first clip is the preferred one: 1, 0, ½ for a tie, or a share. The
loss of an answer is p ℓ(h) + (1 - p) ℓ(-h), with the log ratio of a pair

    h = Σ_t [log π(a | s) - log π_ref(a | s)] of the first clip - the same of the second,

so that a batch may mix both orders. Any number of axes may lead.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Number = Float[Array, ""] | float
Pairwise = Float[Array, "*pairs"]


def expected(preferred: Pairwise, other: Pairwise, probability: Pairwise) -> Pairwise:
    """A loss under an answer, p ℓ₁ + (1 - p) ℓ₂, from those of either clip being the preferred one."""
    return probability * preferred + (1.0 - probability) * other


def bradley_terry_loss(difference: Pairwise, probability: Pairwise, mistake: Number = 0.0) -> Pairwise:
    """-log of the likelihood of an answer by Bradley and Terry, 1952, where a share of answers is turned around.

    P(first ≻ second) = (1 - m) σ(d) + m σ(-d) with the difference d of what the clips earn, in all their steps:
    log P = log σ(d) + log(1 - m + m exp(-d)), so that with m = 0 the loss is -log σ(d), bit for bit.
    """
    mistake = jnp.asarray(mistake)
    right, wrong = jnp.log1p(-mistake), jnp.log(mistake)
    forgiven = expected(jnp.logaddexp(right, wrong - difference), jnp.logaddexp(right, wrong + difference), probability)
    return -expected(jax.nn.log_sigmoid(difference), jax.nn.log_sigmoid(-difference), probability) - forgiven


def dpo_loss(
    log_ratio: Pairwise, probability: Pairwise, beta: Number, label_smoothing: Number = 0.0, *, robust: bool = False
) -> Pairwise:
    """-log σ(β h), direct preference optimization (Rafailov et al., 2023), and its two forms for wrong answers.

    With ε = `label_smoothing`, conservative DPO is (1 - ε) ℓ(h) + ε ℓ(-h) (Mitchell, 2023); the `robust` form is
    ((1 - ε) ℓ(h) - ε ℓ(-h)) / (1 - 2 ε), whose expectation over answers turned around with probability ε is the loss
    of the right ones (Chowdhury et al., 2024). Either is the plain one under another answer; with ε = 0, bit for bit.
    """
    answer = (
        (probability - label_smoothing) / (1.0 - 2.0 * label_smoothing)
        if robust
        else (1.0 - 2.0 * label_smoothing) * probability + label_smoothing
    )
    return expected(-jax.nn.log_sigmoid(beta * log_ratio), -jax.nn.log_sigmoid(-beta * log_ratio), answer)


def ipo_loss(log_ratio: Pairwise, probability: Pairwise, beta: Number) -> Pairwise:
    """(h - 1 / 2β)², whose optimum stays finite where every answer agrees (Azar et al., 2024).

    Over all pairs of actions the optimum is π ∝ π_ref exp(mean_j(2 P_ij - 1) / 2β), another one than that of DPO.
    """
    target = 0.5 / beta
    return expected((log_ratio - target) ** 2, (log_ratio + target) ** 2, probability)


def hinge_loss(log_ratio: Pairwise, probability: Pairwise, beta: Number) -> Pairwise:
    """max(0, 1 - β h), which is content with a margin of 1 (Zhao et al., 2023)."""
    scaled = beta * log_ratio
    return expected(jax.nn.relu(1.0 - scaled), jax.nn.relu(1.0 + scaled), probability)


def cpl_loss(
    first: Pairwise, second: Pairwise, probability: Pairwise, temperature: Number, bias: Number = 1.0
) -> Pairwise:
    """-log σ(α (f₊ - λ f₋)) with f = Σ_t γᵗ log π(a | s) of either clip: contrastive preference learning.

    f₊ is that of the preferred clip. No reference is needed; λ below 1 keeps the preferred actions likely (Hejna et
    al., 2024, equation 7).
    """
    agree = -jax.nn.log_sigmoid(temperature * (first - bias * second))
    disagree = -jax.nn.log_sigmoid(temperature * (second - bias * first))
    return expected(agree, disagree, probability)


def anchor_loss(first: Pairwise, second: Pairwise, probability: Pairwise) -> Pairwise:
    """-log π of the preferred clip, which keeps its probability from falling as a margin grows (Pang et al., 2024)."""
    return -expected(first, second, probability)
