"""Warming critics up before the actor learns from them."""

import optax


def frozen_until(optimizer: optax.GradientTransformation, updates: int) -> optax.GradientTransformation:
    """The optimizer that leaves parameters and its own moments as they are in the first updates."""
    if not updates:
        return optimizer
    frozen: optax.GradientTransformation = optax.conditionally_mask(optimizer, lambda update: update >= updates)
    return frozen


def check_warmup(critic_warmup_steps: int, num_steps: int) -> None:
    """**Raises:** `ValueError` where only the critic would ever learn."""
    if critic_warmup_steps >= num_steps:
        raise ValueError(
            "critic_warmup_steps must be below num_steps, else the policy never learns, "
            f"got {critic_warmup_steps} and {num_steps}. Lower critic_warmup_steps or raise num_steps"
        )
