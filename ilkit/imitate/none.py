"""No imitation: an untrained policy that knows the demonstrations' units, from which reinforcement starts."""

from typing import Literal, NamedTuple

import equinox as eqx
from jax.tree_util import Partial
from jaxtyping import PRNGKeyArray
from pydantic import PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.data.training import Training
from ilkit.data.windows import Transitions
from ilkit.spec import Spec


class None_(Spec):  # noqa: N801 (a class can't be called None)
    """An untrained policy with a fitted normalizer, for reinforcement from scratch."""

    kind: Literal["none"] = "none"
    num_seeds: PositiveInt = 1
    """Policies, each with initial weights of its own."""


class Nothing(NamedTuple):
    """What there is to tell of no training."""


def imitate(spec: None_, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray) -> Training[Policy]:
    """Draws a policy; of the demonstrations it takes what a head fits before training, such as its normalizer."""
    del spec
    untrained = _untrained(policy, demos.spaces, demos.transitions(), key)
    return Training(state=untrained, step=Partial(_stay), finish=Partial(_finish), num_steps=0)


@eqx.filter_jit
def _untrained(policy: Build[Policy], spaces: Spaces, transitions: Transitions, key: PRNGKeyArray) -> Policy:
    return policy(spaces, key=key).fitted(transitions)


def _stay(policy: Policy, key: PRNGKeyArray) -> tuple[Policy, Nothing]:
    del key
    return policy, Nothing()


def _finish(policy: Policy) -> Policy:
    return policy
