"""What a network that sees several steps at once asks of an environment."""

from collections.abc import Iterator

from ilkit.data.environment import Environment, HostEnvironment


def window_faults(setting: str, steps: int, world: Environment | HostEnvironment) -> Iterator[str]:
    """A window that is longer than any episode."""
    if world.max_steps and steps > world.max_steps:
        yield f"{setting}: must be at most the steps of an episode, {world.max_steps}, got {steps}."
