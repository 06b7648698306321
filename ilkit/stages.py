"""The vocabulary: every part and every stage, and what goes in and comes out.

A *part* is built inside a stage; a *stage* makes an artifact. Both are registered under the entry-point group
`ilkit.NAME`, and a component's signature must match the declaration here but for its first parameter, the spec.
"""

from typing import Any

from jaxtyping import PRNGKeyArray

from ilkit.data.aggregate import Aggregate, Interaction
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.format import Format
from ilkit.data.labeler import Labeler
from ilkit.data.network import Network
from ilkit.data.policy import Policy
from ilkit.data.preferences import Preferences
from ilkit.data.report import Report
from ilkit.data.reward import Imitation, Reward
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Space, Spaces
from ilkit.data.training import Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.declaration import Declaration, part, stage
from ilkit.entry_points import STAGES_GROUP, component_entry_points
from ilkit.errors import WiringError, nearest
from ilkit.spec import Spec
from ilkit.stepping.behavior import Behavior


@part
def env(spec: Spec) -> Environment | HostEnvironment:
    """What is acted in."""


@part
def network(
    spec: Spec, observation: Space, out_size: int, inner: Build[Network] | None = None, *, key: PRNGKeyArray
) -> Network:
    """The function approximator inside a policy."""


@part
def policy(
    spec: Spec, network: Build[Network], spaces: Spaces, inner: Build[Policy] | None = None, *, key: PRNGKeyArray
) -> Policy:
    """The head: how actions come out of a network."""


@part
def exploration(spec: Spec, spaces: Spaces, uncertainty: Uncertainty | None = None) -> Behavior:
    """How a policy acts while it learns by trial."""


@part
def labeler(spec: Spec) -> Labeler:
    """Who says which of two clips is better."""


@stage
def expert(spec: Spec, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Policy | Training[Policy]:
    """The policy that is imitated."""


@part
def format(spec: Spec) -> Format:
    """How recordings of other libraries are read and written."""


@stage
def dataset(
    spec: Spec,
    format: Build[Format] | None = None,
    env: Build[Environment | HostEnvironment] | None = None,
    asked: Seeds[Aggregate] | None = None,
    preferences: Preferences | None = None,
    *,
    key: PRNGKeyArray,
) -> Demonstrations:
    """Episodes that were recorded elsewhere, read from a file, answered to a policy that asked, or preferred."""


@stage
def rollout(
    spec: Spec, env: Build[Environment | HostEnvironment], expert: Policy, *, key: PRNGKeyArray
) -> Demonstrations:
    """Episodes of the expert."""


@stage
def join(spec: Spec, *, key: PRNGKeyArray, **demos: Demonstrations) -> Demonstrations:
    """The recordings of several rollouts, put together."""


@stage
def augment(
    spec: Spec, env: Build[Environment | HostEnvironment], demos: Demonstrations, *, key: PRNGKeyArray
) -> Demonstrations:
    """More demonstrations, made from those given."""


@stage
def imitate(
    spec: Spec,
    policy: Build[Policy],
    demos: Demonstrations,
    uncertainty: Uncertainty | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """A policy learnt from demonstrations."""


@stage
def uncertainty(
    spec: Spec, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray
) -> Training[Uncertainty]:
    """How uncertain the expert's action is, state by state."""


@stage
def interact(
    spec: Spec,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations | None = None,
    expert: Policy | None = None,
    cloned: Policy | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Interaction]:
    """A policy that learns from its own episodes, and what was asked and answered meanwhile."""


@stage
def match(
    spec: Spec,
    policy: Build[Policy],
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    *,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """A policy that visits what was demonstrated, learnt by trial, and the reward that it was led by."""


@stage
def comparisons(
    spec: Spec, env: Build[Environment | HostEnvironment] | None = None, *, key: PRNGKeyArray
) -> Preferences:
    """Pairs of clips that somebody has compared elsewhere, read from a file."""


@stage
def prefer(
    spec: Spec,
    labeler: Build[Labeler],
    demos: Demonstrations,
    reward: Reward | None = None,
    earlier: Preferences | None = None,
    *,
    key: PRNGKeyArray,
) -> Preferences:
    """Questions about pairs of clips, and the answers to them and to the earlier ones."""


@stage
def condition(spec: Spec, policy: Seeds[Policy]) -> Seeds[Policy]:
    """A policy of one task or goal, made of one that knows many: all training seeds of it."""


@stage
def reward(spec: Spec, network: Build[Network], preferences: Preferences, *, key: PRNGKeyArray) -> Training[Reward]:
    """A reward that explains which clips were preferred."""


@stage
def align(spec: Spec, reference: Policy, preferences: Preferences, *, key: PRNGKeyArray) -> Training[Policy]:
    """The reference, changed until it prefers what was preferred, without a reward and without trials."""


@stage
def align_online(
    spec: Spec,
    labeler: Build[Labeler],
    env: Build[Environment | HostEnvironment],
    reference: Policy,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """The reference, which tries, asks which try is better, and learns from all answers so far."""


@stage
def finetune(
    spec: Spec,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    reward: Reward | None = None,
    expert: Policy | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """The cloned policy, improved by reinforcement: with the environment's reward, or with one that was learnt."""


@stage
def evaluate(
    spec: Spec,
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    expert: Seeds[Policy] | None = None,
    uncertainty: Seeds[Uncertainty] | None = None,
    held_out: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
    **learnt: Seeds[Policy] | Seeds[Reward] | Preferences,
) -> Report:
    """How good the policies are, and the rewards, measured, beside what was preferred."""


def __getattr__(name: str) -> Any:
    """The stage of this name that a plug-in declares."""
    if name.startswith("__"):
        raise AttributeError(name)
    points = {point.name: point for point in component_entry_points() if point.group == STAGES_GROUP}
    if name not in points:
        declared = [one.name for one in globals().values() if isinstance(one, Declaration) and one.role == "stage"]
        raise WiringError(f"No stage is called {name!r}. {nearest(name, [*declared, *points])}")
    return points[name].load()
