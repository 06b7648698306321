"""What is known of how uncertain the expert's action is."""

from abc import abstractmethod

from jaxtyping import Array, Float, PyTree

from ilkit.data.seeds import Learnt


class Uncertainty(Learnt):
    """The covariance of the expert's action, as a function of the observation."""

    @abstractmethod
    def covariance(self, obs: PyTree) -> Float[Array, "act act"]:
        """cov(s), symmetric and positive semidefinite, in squared units of the action space."""
