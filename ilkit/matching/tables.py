"""What maximum causal entropy and Ziebart's path distribution share: a reward fitted to what demonstrations visit.

With r the reward of the state that is acted in, episodes of L steps, and V_t of `ilkit.math.maximum_entropy`,

    max_r  E_demos[Σ_{t<L} r(s_t) + V_L(s_L) - V_0(s_0)] - λ/2 ‖θ‖²,

which is concave where r is a table. Its gradient with respect to r is D_demo - D_model: how much more often the
demonstrations act in a state than the model, started where they start, does; V_L stands for what was cut off before
the time limit. After a termination an episode goes on in a state of its own until the limit, where r = 0: r is known up
to a constant only, which that fixes, and no sign of r makes it better to stay or to end. Where what followed an action
in the demonstrations is as frequent as the dynamics say, the sum is their log-likelihood Σ log π_t(a_t | s_t).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.known_dynamics import TabularForm
from ilkit.data.normalizer import Normalizer
from ilkit.data.reward import Imitation
from ilkit.data.spaces import Spaces
from ilkit.data.tabular import tabular_faults
from ilkit.data.training import Training
from ilkit.errors import refuse
from ilkit.fitting.gradient import descend, partition
from ilkit.matching.demonstrated import check_matched_spaces
from ilkit.matching.visits import Visits, visits_of
from ilkit.math.maximum_entropy import Soft, soft_values
from ilkit.nn.perceptron import build_silent_layers
from ilkit.nn.state_rewards import StateReward, TabularReward
from ilkit.nn.state_table import StateTable
from ilkit.nn.tabular_policy import TabularPolicy
from ilkit.spec import Spec


class TablesSpec(Spec):
    """The settings of matching in tables."""

    kind: str
    reward: Literal["table", "linear", "network"] = "table"
    """What the reward of a state is: a number of its own, linear in what it observes, or a network on that."""
    hidden: tuple[PositiveInt, ...] = (32, 32)
    """The width of each hidden layer of the network."""
    learning_rate: PositiveFloat = 0.1
    """The step size of Adam."""
    weight_decay: NonNegativeFloat = 0.0
    """λ: the weight of ½ ‖θ‖², θ being the table or the weights; above 0, rewards stay finite where demonstrations are
    too few to visit all that their own policy would."""
    num_steps: PositiveInt = 1000
    """Gradient steps, each on all demonstrations."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call; those of a table or a linear reward are alike."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """What has no tables, or tables that are no decision process."""
        if not (isinstance(world, Environment) and isinstance(world, TabularForm)):
            yield (
                f"kind: must be one for this environment, and {self.kind} needs one whose transitions are known as a "
                "table. Choose gail or airl, or an env.kind with tables: grid_world."
            )
            return
        yield from (f"env: {fault}" for fault in tabular_faults(world.tabular()))

    def idle(self) -> Mapping[str, str]:
        """The widths of a network that isn't there."""
        return {} if self.reward == "network" else {"hidden": "only where reward is network"}


class TablesInfo(NamedTuple):
    """The learning curves of matching in tables."""

    loss: Float[Array, ""]
    """What is minimized: V_0(s_0) - V_L(s_L) - Σ r(s_t) of an average episode, and the decay."""
    occupancy_distance: Float[Array, ""]
    """‖D_demo - D_model‖∞: the largest difference in how often an episode acts in a state."""


class _Problem(eqx.Module):
    """What all steps share; its numbers are traced, so that another learning rate compiles nothing."""

    transitions: Float[Array, "states actions states"]
    visits: Visits
    table: StateTable
    learning_rate: Float[Array, ""] | float
    weight_decay: Float[Array, ""] | float
    spaces: Spaces = eqx.field(static=True)
    horizon: int = eqx.field(static=True)
    causal: bool = eqx.field(static=True)

    def soft(self, rewards: Float[Array, " states"]) -> Soft:
        """The model of rewards of states."""
        by_action = jnp.broadcast_to(rewards[:, None], self.transitions.shape[:2])
        return soft_values(self.transitions, by_action, self.horizon, causal=self.causal)

    def by_state(self, reward: StateReward | TabularReward) -> Float[Array, " states"]:
        """The rewards of all states; 0 of the one that follows a termination."""
        values = reward.by_state(self.table.rows)
        return jnp.pad(values, (0, len(self.transitions) - len(values)))

    def surprise(self, rewards: Float[Array, " states"]) -> Float[Array, ""]:
        """V_0(s_0) - V_L(s_L) - Σ r(s_t), of an average demonstration."""
        acted, first, left = self.visits
        values = self.soft(rewards).values
        return first @ values[0] - jnp.sum(left * values) - acted @ rewards


class _State(NamedTuple):
    trained: Any
    fixed: Any
    optimizer: optax.OptState


def match_tables(
    spec: TablesSpec,
    env: Build[Environment | HostEnvironment],
    demos: Demonstrations,
    *,
    causal: bool,
    key: PRNGKeyArray,
) -> Training[Imitation]:
    """The training run of a reward and its soft policy, by maximum causal entropy or by the path distribution.

    **Raises:** `DataError` where the environment has no tables, or wrong ones, and where the demonstrations have other
    spaces, observe something else, or are longer than the time limit.
    """
    world = env()
    refuse(f"match.{spec.kind}", spec.faults(world))
    assert isinstance(world, TabularForm)
    check_matched_spaces(world.spaces, demos, spec.kind)
    tabular = world.tabular()
    table = StateTable.of(world.spaces.observation, tabular.observations)
    problem = _Problem(
        tabular.transitions,
        visits_of(demos, tabular, table),
        table,
        spec.learning_rate,
        spec.weight_decay,
        spaces=world.spaces,
        horizon=tabular.horizon,
        causal=causal,
    )
    return Training(
        _initial_state(spec, problem, key), Partial(_step, problem), Partial(_finish, problem), spec.num_steps
    )


@eqx.filter_jit
def _initial_state(spec: TablesSpec, problem: _Problem, key: PRNGKeyArray) -> _State:
    trained, fixed = partition(_initial_reward(spec, problem, key))
    return _State(trained, fixed, optax.adam(problem.learning_rate).init(trained))


def _initial_reward(spec: TablesSpec, problem: _Problem, key: PRNGKeyArray) -> StateReward | TabularReward:
    """A table of zeros, or layers whose outputs are 0 at first."""
    rows, spaces = problem.table.rows, problem.spaces
    if spec.reward == "table":
        return TabularReward(values=jnp.zeros(len(rows)), table=problem.table, spaces=spaces, reads_action=False)
    sizes = (rows.shape[1], *(spec.hidden if spec.reward == "network" else ()), 1)
    layers = build_silent_layers(sizes, "tanh", key=key)
    normalizer = Normalizer.fit(rows, jnp.ones(len(rows), bool))
    return StateReward(layers=layers, normalizer=normalizer, spaces=spaces, reads_action=False)


def _step(problem: _Problem, state: _State, key: PRNGKeyArray) -> tuple[_State, TablesInfo]:
    del key

    def rewards_of(trained: Any) -> Float[Array, " states"]:
        return problem.by_state(eqx.combine(trained, state.fixed))

    rewards, pull = jax.vjp(rewards_of, state.trained)
    surprise, gap = jax.value_and_grad(problem.surprise)(rewards)
    decay = problem.weight_decay
    gradient = jax.tree.map(lambda grad, weight: grad + decay * weight, pull(gap)[0], state.trained)
    square = sum(jnp.sum(weight**2) for weight in jax.tree.leaves(state.trained))
    trained, optimizer = descend(optax.adam(problem.learning_rate), gradient, state.optimizer, state.trained)
    told = TablesInfo(surprise + 0.5 * decay * square, jnp.max(jnp.abs(gap)))
    return _State(trained, state.fixed, optimizer), told


def _finish(problem: _Problem, state: _State) -> Imitation:
    reward = eqx.combine(state.trained, state.fixed)
    logits = problem.soft(problem.by_state(reward)).log_policy
    policy = TabularPolicy.of(problem.spaces, problem.table, logits[:, : len(problem.table.rows)])
    return Imitation(policy, reward)
