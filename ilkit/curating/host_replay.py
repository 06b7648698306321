"""What replaying in an environment of gymnasium has in common, however it is set to a state."""

from dataclasses import dataclass
from typing import Any

from ilkit.curating.compiled_replay import check_sizes
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Discrete
from ilkit.foreign.spaces import space_of


@dataclass(frozen=True)
class HostReplayer:
    """A single environment of gymnasium without its wrappers."""

    env: Any
    name: str

    @property
    def action(self) -> Box | Discrete:
        """What may be done in it."""
        found: Box | Discrete = space_of(self.env.action_space)
        return found

    def fitting(self, demos: Demonstrations) -> None:
        """Checks that observations and actions have the environment's sizes.

        **Raises:** `DataError` where they don't.
        """
        check_sizes(demos, self.name, self.env.observation_space.shape[0], self.env.action_space.shape)
