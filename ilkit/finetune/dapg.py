"""Natural policy gradients with demonstrations: DAPG (Rajeswaran et al., 2018).

An iteration k collects a rollout with the present policy π and steps along the natural gradient of

    g = 1/N Σ_rollout Â ∇ log π(a | s) + λ_0 λ_1^k 1/N Σ_demonstrations ∇ log π(a | s)

with the standardized advantage Â of N steps, as the authors' code does (their paper has max Â as a factor of the second
sum). The Fisher matrix is that of the rollout alone. λ_0 = 0 is the natural policy gradient.
"""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import check_spaces
from ilkit.data.training import Training, names_of
from ilkit.data.uncertainty import Uncertainty
from ilkit.data.windows import Transitions
from ilkit.errors import refuse
from ilkit.fitting.gradient import descend
from ilkit.nn.head import ContinuousHead
from ilkit.reinforcement.anchor import anchor_of
from ilkit.reinforcement.by_trial import train_by_trial
from ilkit.reinforcement.demonstrated import check_recorded_spaces, demos_faults
from ilkit.reinforcement.densities import density_faults, density_floor
from ilkit.reinforcement.info import ReinforcementInfo
from ilkit.reinforcement.natural import natural_step
from ilkit.reinforcement.on_policy import (
    OnPolicySpec,
    State,
    begin,
    clipped_adam,
    collect,
    critic_outputs,
    departure_at_end,
    policy_of,
    prepare,
)
from ilkit.reinforcement.permutations import permutations
from ilkit.reinforcement.steps import Steps, flat
from ilkit.reinforcement.warmup import check_warmup
from ilkit.stepping.behavior import Behavior, memory_faults, noise_scale
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.records import Rollout
from ilkit.stepping.side_by_side import CompiledEnvs, side_by_side

_MARGIN = 1e-3
"""How far demonstrated actions are kept from the bounds of a squashed head, whose likelihood has no maximum at them, in
half ranges."""


class DAPG(OnPolicySpec):
    """Natural policy gradients with the demonstrations' log-likelihood beside (Rajeswaran et al., 2018)."""

    kind: Literal["dapg"] = "dapg"
    demo_weight: NonNegativeFloat = 0.01
    """λ0: what the demonstrations weigh in the first iteration, against standardized advantages; 0 leaves them out."""
    demo_decay: Annotated[float, Field(ge=0, le=1)] = 0.95
    """λ1: by what their weight falls from one iteration to the next."""
    max_divergence: PositiveFloat = 0.005
    """δ: the divergence of the policy after a step from that before it."""
    damping: PositiveFloat = 1.0
    """What is added to the diagonal of the Fisher matrix: with little, a step goes far where a rollout says nothing."""
    num_cg_iterations: PositiveInt = 10
    """Iterations of conjugate gradients."""
    critic_warmup_steps: NonNegativeInt = 10
    """Iterations at the start in which only the critic learns."""
    clone_weight: NonNegativeFloat | None = None
    """β: what the divergence from the clone costs, in units of the standardized advantage; none by default."""
    noise_floor: PositiveFloat = 0.02
    """δ: the standard deviation of noise beside the exploration's, in half ranges of the action space."""
    num_snapshots: NonNegativeInt = 0
    """Policies kept along training, at its start and between equal parts of it; `evaluate` draws their returns."""

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A density that is missing, or a memory."""
        return (*density_faults(policy, parts["exploration"]), *memory_faults(policy))

    def input_faults(self, given: Collection[str]) -> tuple[str, ...]:
        """Demonstrations that aren't there."""
        return demos_faults(given, "dapg") if self.demo_weight else ()

    @model_validator(mode="after")
    def _check_warmup(self) -> "DAPG":
        check_warmup(self.critic_warmup_steps, self.num_steps)
        return self


class _State(NamedTuple):
    learning: State
    iteration: Int[Array, ""]


def finetune(
    spec: DAPG,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Improves the clone by natural policy gradients, near the demonstrations at first.

    **Raises:** `DataError` where the clone doesn't fit the environment, has a memory or gives actions no density, and
    where there are no demonstrations or they were recorded in another environment.
    """
    world = env()
    check_spaces(world.spaces, cloned.spaces)
    faults = spec.policy_faults(cloned, {"exploration": exploration})
    refuse("finetune.dapg", (*faults, *spec.input_faults(() if demos is None else ("demos",))))
    if demos is not None:
        check_recorded_spaces(demos, cloned, "dapg")
    floor = density_floor(spec.noise_floor, cloned.spaces)
    behavior = exploration(cloned.spaces, uncertainty=uncertainty).with_density(cloned, floor)
    envs = side_by_side(world, spec.num_envs)
    return train_by_trial(
        envs,
        _initial_state(spec, envs, behavior, cloned, key),
        Partial(_collect, spec, envs),
        Partial(_improve, spec, demos.transitions() if demos is not None and spec.demo_weight else None),
        Partial(_finish),
        num_steps=spec.num_steps,
        env_steps_per_step=spec.num_envs * spec.rollout_length,
        info_names=names_of(ReinforcementInfo),
    )


@eqx.filter_jit
def _initial_state(
    spec: DAPG, envs: CompiledEnvs | HostEnvs, behavior: Behavior, cloned: Policy, key: PRNGKeyArray
) -> _State:
    critic_key, env_key = jax.random.split(key)
    anchor, trials = anchor_of(cloned, spec.clone_weight), envs.reset(key=env_key)
    return _State(begin(spec, cloned, behavior, anchor, trials, key=critic_key), jnp.zeros((), jnp.int32))


def _finish(state: _State) -> Policy:
    return policy_of(state.learning)


def _collect(
    spec: DAPG, envs: CompiledEnvs | HostEnvs, state: _State, *, key: Key[Array, "*seeds"]
) -> tuple[_State, Rollout]:
    learning, rollout = collect(spec, envs, state.learning, key=key)
    return state._replace(learning=learning), rollout


@eqx.filter_jit
def _improve(
    spec: DAPG, demos: Transitions | None, state: _State, rollout: Rollout, *, key: PRNGKeyArray
) -> tuple[_State, ReinforcementInfo]:
    typical_key, demo_key, order_key = jax.random.split(key, 3)
    policy = policy_of(state.learning)
    applied = noise_scale(policy, *flat((rollout.obs, rollout.actions)))
    departed = departure_at_end(state.learning, rollout, ())
    learning, batch = prepare(spec, state.learning, rollout, (), key=typical_key)
    stepped, loss = _climb(spec, demos, learning, state.iteration, batch, key=demo_key)
    trained = jax.tree.map(
        lambda new, old: jnp.where(state.iteration < spec.critic_warmup_steps, old, new),
        stepped,
        learning.learner.policy,
    )
    learning = learning._replace(learner=learning.learner._replace(policy=trained))
    learning, value_loss = _fit_critic(spec, learning, batch, key=order_key)
    info = ReinforcementInfo.of(
        learning.trials.log, departure=departed, loss=loss, noise_scale=applied, value_loss=value_loss
    )
    return _State(learning, state.iteration + 1), info


def _climb(
    spec: DAPG,
    demos: Transitions | None,
    learning: State,
    iteration: Int[Array, ""],
    batch: Steps,
    *,
    key: PRNGKeyArray,
) -> tuple[PyTree, Float[Array, ""]]:
    """The parameters after a natural step, and minus the objective, whose gradient it climbs, before it."""
    advantages = batch.advantages
    standardized = (advantages - jnp.mean(advantages)) / (jnp.std(advantages) + 1e-8)

    def log_probs(trained: PyTree) -> Float[Array, " batch"]:
        policy: Policy = eqx.combine(trained, learning.fixed)
        return learning.behavior.log_prob(policy, batch.obs, batch.actions, batch.context)

    def objective(trained: PyTree) -> Float[Array, ""]:
        gained = jnp.mean(jnp.exp(log_probs(trained) - batch.log_probs) * standardized)
        if learning.anchor is None or batch.typical is None:
            return gained
        policy: Policy = eqx.combine(trained, learning.fixed)
        near = learning.behavior.log_prob(policy, batch.obs, batch.typical, batch.context)
        return gained + learning.anchor.weight * jnp.mean(near)

    trained = learning.learner.policy
    value, gradient = jax.value_and_grad(objective)(trained)
    if demos is not None:
        weight = spec.demo_weight * spec.demo_decay ** iteration.astype(jnp.float32)
        shown = _demonstrated_gradient(learning, demos, len(advantages), key=key)
        gradient = jax.tree.map(lambda own, theirs: own + weight * theirs, gradient, shown)
    stepped = natural_step(
        log_probs,
        trained,
        gradient,
        max_divergence=spec.max_divergence,
        damping=spec.damping,
        num_iterations=spec.num_cg_iterations,
    )
    return stepped, -value


def _demonstrated_gradient(learning: State, demos: Transitions, num_steps: int, *, key: PRNGKeyArray) -> PyTree:
    """1/N Σ w ∇ log π(a | s) over demonstrated steps of weight w, N being the number of steps of a rollout."""
    behavior, now, obs, actions = learning.behavior, policy_of(learning), demos.before(), demos.actions
    if isinstance(now, ContinuousHead):
        actions = jax.vmap(lambda action: now.units.inside(action, _MARGIN))(actions)
    _, _, drawn = behavior.act(now, learning.trials.running, obs, key=key)
    context = flat(behavior.settle(jax.tree.map(lambda rows: rows[None], drawn)))

    def log_likelihood(trained: PyTree) -> Float[Array, ""]:
        policy: Policy = eqx.combine(trained, learning.fixed)
        found = behavior.log_prob(policy, obs, actions, context)
        weighted = found if demos.weights is None else demos.weights * found
        return jnp.sum(jnp.where(demos.counted, weighted, 0.0)) / num_steps

    return jax.grad(log_likelihood)(learning.learner.policy)


def _fit_critic(spec: DAPG, learning: State, batch: Steps, *, key: PRNGKeyArray) -> tuple[State, Float[Array, ""]]:
    """Gradient steps on ½ E[(V(s) - target)²]."""
    size = len(batch.targets)
    order = permutations(spec.num_epochs, size, key=key).reshape(-1, size // spec.num_minibatches)
    optimizer, policy = clipped_adam(spec.critic_learning_rate, spec.max_gradient_norm), policy_of(learning)

    def step(carried: tuple[PyTree, PyTree], rows: Int[Array, " minibatch"]) -> tuple[tuple[PyTree, PyTree], Any]:
        obs, targets = jax.tree.map(lambda column: column[rows], (batch.obs, batch.targets))
        loss, gradient = jax.value_and_grad(
            lambda critic: 0.5 * jnp.mean((critic_outputs(critic, policy, obs) - targets) ** 2)
        )(carried[0])
        return descend(optimizer, gradient, carried[1], carried[0]), loss

    (critic, moments), losses = jax.lax.scan(step, (learning.learner.critic, learning.optimizer.critic), order)
    learner, optimizers = learning.learner._replace(critic=critic), learning.optimizer._replace(critic=moments)
    return learning._replace(learner=learner, optimizer=optimizers), jnp.mean(losses)
