"""Steering a clone by its noise: diffusion steering by reinforcement (Wagenmaker et al., DSRL, 2025).

A generative policy makes an action of a noise, a = π(s, w), w ~ N(0, I). It stays as it is; learnt is which noise leads
to a good action: an actor ρ(w | s) within ± m, in the manner of soft actor-critic (Haarnoja et al., 2018),

    sac:  y = r + γ (1 - terminated) min_i Q'_i(s', w'),  w' ~ ρ(s'),     Q_i(s, w) ← y,
    na:   y = r + γ (1 - terminated) min_i Q'_i(s', π(s', w')),           Q_i(s, a) ← y,
          Q_W(s, w) ← min_i Q_i(s, π(s, w)),  w ~ N(0, I) within ± m      (noise aliasing),
    ρ maximizes E[Q(s, w) - α log ρ(w | s)] with Q of w, while α keeps the entropy of ρ at a target.

`na` learns of actions, whatever noise led to them: of demonstrations too. A chunk of actions is one decision.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import vectors
from ilkit.data.training import Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import refuse
from ilkit.nn.noise_actor import NoiseActor, build_noise_actor
from ilkit.nn.perceptron import Layers
from ilkit.nn.steered_policy import SteeredPolicy
from ilkit.off_policy.actions import continuity_faults
from ilkit.off_policy.critics import build_critics, least_values, outputs_of
from ilkit.off_policy.decisions import (
    Deciding,
    Decision,
    decision_spaces,
    memory_faults,
    reinforce_decisions,
)
from ilkit.off_policy.soft_actor import (
    SOFT_RULES,
    SoftActor,
    SoftSpec,
    climbed,
    drawn,
    held_entropy,
    log_density,
    temperature_loss,
)
from ilkit.off_policy.updates import Batch, Learner, State, clone_cost
from ilkit.stepping.behavior import Behavior, RunningSquare


class DSRL(SoftSpec):
    """Reinforcement of the noise that a generative clone acts by, which stays as it is (Wagenmaker et al., 2025)."""

    kind: Literal["dsrl"] = "dsrl"
    variant: Literal["sac", "na"] = "sac"
    """Whether critics judge noises (sac), or actions, of which a critic of noises is distilled (na)."""
    noise_bound: PositiveFloat = 1.5
    """m: how far every number of the noise may be from 0, in standard deviations of what the clone draws."""
    actor_hidden: tuple[PositiveInt, ...] = (64, 64)
    """The width of each hidden layer of the actor, and of the critic of noises that is distilled."""
    num_critics: PositiveInt = 2
    """Critics that are learnt."""
    clone_weight: NonNegativeFloat | None = None
    """β: what a nat of divergence from the first actor of noises costs; nothing if none."""
    clone_half_life: PositiveFloat | None = None
    """Steps of every environment after the warm-up in which that cost halves; none where it stays."""
    pessimism: NonNegativeFloat | None = None
    """k: the actor climbs the mean of all critics less k times their standard deviation; none for the least."""
    learning_rate: NonNegativeFloat = 1e-3
    """The step size of Adam for the actor."""
    target_entropy: Annotated[float, Field(ge=-1000, le=1000)] | None = None
    """H: the entropy that α holds, in nats, of noises as shares of m; minus their count by default."""

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """Actions that are choices, a policy that can't be steered, and for critics of actions one that remembers."""
        return (
            *continuity_faults(policy.spaces.action),
            *self._steering_faults(policy),
            *self._action_faults(policy),
            *_exploration_faults(parts.get("exploration")),
        )

    def _steering_faults(self, policy: Policy) -> Iterator[str]:
        if not policy.noise_size:
            yield (
                f"policy: must make its actions of noise, to be steered by it, and {type(policy).__name__} doesn't. "
                "Choose policy.kind diffusion, flow, cvae, gaussian, mixture or autoregressive, or another "
                "finetune.kind."
            )

    def _action_faults(self, policy: Policy) -> Iterator[str]:
        if self.variant == "na":
            yield from memory_faults(policy)
        if self.demo_batch_size and policy.decision_steps > 1:
            yield (
                f"demo_batch_size: must be 0 where the policy decides {policy.decision_steps} actions at once, got "
                f"{self.demo_batch_size}: demonstrations are steps."
            )

    @model_validator(mode="after")
    def _check_demonstrations(self) -> "DSRL":
        if self.demo_batch_size and self.variant == "sac":
            raise ValueError(
                "demo_batch_size must be 0 where variant is sac, whose critics judge noises that demonstrations don't "
                f"have, got {self.demo_batch_size}. Choose variant na"
            )
        return self


class DistilledPolicy(SteeredPolicy):
    """What `na` learns: the actor, and Q_W, which it climbs."""

    noise_critic: Layers
    """Alone in its stack, and on the scale of the critics of actions."""


class Steering(Deciding):
    """Acting by the noise that a behavior chooses with the actor."""

    behavior: Behavior
    of_actions: bool = eqx.field(static=True)
    """Whether what is chosen are actions, rather than the noise that leads to them."""

    def act(
        self, policy: Policy, running: RunningSquare, obs: PyTree, carry: PyTree = (), *, key: PRNGKeyArray
    ) -> tuple[RunningSquare, Array, Decision]:
        """Chooses a noise for every observation; it counts where a decision begins."""
        assert isinstance(policy, SteeredPolicy)
        running, wanted, _ = self.behavior.act(policy.actor, running, obs, key=key)
        shares = jnp.clip(wanted, -1.0, 1.0)
        carry, actions = jax.vmap(policy.base.steer)(carry, obs, shares)
        return running, actions, Decision(_decided(policy, obs, shares) if self.of_actions else shares, carry)


def finetune(
    spec: DSRL,
    exploration: Build[Behavior],
    env: Build[Environment | HostEnvironment],
    cloned: Policy,
    uncertainty: Uncertainty | None = None,
    demos: Demonstrations | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Learns by which noise the clone acts well.

    The exploration is that of the noise, in units of m: an uncertainty of actions says nothing of it.

    **Raises:** `DataError` where the clone can't be steered or doesn't fit the environment, where the exploration needs
    an uncertainty, and where demonstrations are asked for and don't suit.
    """
    del uncertainty
    refuse("finetune.dsrl", spec.policy_faults(cloned, {"exploration": exploration}))
    actor_key, critic_key, run_key = jax.random.split(key, 3)
    actor = _build_actor(spec, cloned, actor_key)
    acting = Steering(exploration(actor.spaces), spec.variant == "na")
    if spec.variant == "sac":
        return reinforce_decisions(spec, _BY_NOISE, env(), acting, cloned, actor, demos, key=run_key)
    judged = _with_noise_critic(spec, actor, critic_key)
    return reinforce_decisions(spec, _BY_ACTION, env(), acting, cloned, judged, demos, key=run_key)


def _exploration_faults(exploration: Build[Behavior] | None) -> tuple[str, ...]:
    if exploration is None or not tuple(exploration.spec.input_faults(())):
        return ()
    return (
        f"exploration: must do without inputs of its own, got {exploration.kind}: explored is the noise of the policy, "
        "of which an uncertainty of its actions says nothing. Choose exploration.kind own_density.",
    )


@eqx.filter_jit
def _build_actor(spec: DSRL, cloned: Policy, key: PRNGKeyArray) -> NoiseActor:
    return build_noise_actor(cloned, jnp.asarray(spec.noise_bound, jnp.float32), spec.actor_hidden, key=key)


@eqx.filter_jit
def _with_noise_critic(spec: DSRL, actor: NoiseActor, key: PRNGKeyArray) -> DistilledPolicy:
    base = actor.base.policy
    return DistilledPolicy(
        actor=actor,
        normalizer=base.normalizer,
        spaces=decision_spaces(base),
        steered=base.steering,
        noise_critic=build_critics(actor, 1, spec.actor_hidden, layer_norm=False, key=key),
    )


def _decided(policy: SteeredPolicy, obs: PyTree, shares: Float[Array, "batch noise"]) -> Float[Array, "batch entries"]:
    """All the actions that noises decide at once, as they are executed."""
    low, high = np.asarray(vectors(decision_spaces(policy.base.policy).action, "dsrl").bounds, np.float32)
    return jnp.clip(jax.vmap(policy.base.decided)(obs, shares), low, high)


def _policy_by_noise(state: State) -> Policy:
    actor: NoiseActor = eqx.combine(state.learner.networks.actor.policy, state.fixed)
    return SteeredPolicy.of(actor)


def _learnt(actor: SoftActor, state: State) -> DistilledPolicy:
    policy: DistilledPolicy = eqx.combine(actor.policy, state.fixed)
    return policy


def _policy_by_action(state: State) -> Policy:
    return SteeredPolicy.of(_learnt(state.learner.networks.actor, state).actor)


def _action_targets(spec: DSRL, state: State, learner: Learner, batches: Batch) -> Float[Array, "updates batch"]:
    """The targets y of `na`."""
    policy, steps = _learnt(learner.networks.actor, state), batches.steps
    actions = jax.vmap(lambda obs, keys: _decided(policy, obs, drawn(policy.actor, obs, keys)[0]))(
        steps.next_obs, batches.noise
    )
    values = least_values(learner.slow.critics, learner.scale, state.fixed, steps.next_obs, actions, batches.subset)
    return steps.rewards + spec.discount * (1.0 - steps.terminated) * values


def _noise_loss(
    actor: SoftActor, spec: DSRL, state: State, learner: Learner, obs: PyTree, keys: Key[Array, " batch"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The soft loss of the actor by Q_W, the error of Q_W, and the loss of the temperature."""
    policy = _learnt(actor, state)
    actor_keys, noise_keys = jnp.moveaxis(jax.vmap(jax.random.split)(keys), 1, 0)
    shares, log_probs = drawn(policy.actor, obs, actor_keys)
    value = jnp.mean(outputs_of(jax.lax.stop_gradient(policy.noise_critic), policy.actor, obs, shares))
    temperature, cost = jnp.exp(actor.log_temperature), jnp.mean(log_probs)
    loss = jax.lax.stop_gradient(temperature / learner.scale.std) * cost - value
    if state.anchor is not None:
        assert isinstance(state.anchor.policy, SteeredPolicy)
        loss += clone_cost(spec, state) * (cost - jnp.mean(log_density(state.anchor.policy.actor, obs, shares)))
    target = held_entropy(spec, state)
    loss += temperature_loss(temperature, jax.lax.stop_gradient(-cost), target)
    return loss + _distillation(spec, policy, learner, state, obs, noise_keys), -learner.scale.values(value)


def _distillation(
    spec: DSRL, policy: DistilledPolicy, learner: Learner, state: State, obs: PyTree, keys: Key[Array, " batch"]
) -> Float[Array, ""]:
    """How far Q_W is from what the critics say of the actions of noises that the clone would draw."""
    noise = jax.vmap(lambda key: jax.random.normal(key, (policy.noise_size,)))(keys)
    shares = jnp.clip(noise / policy.base.bound, -1.0, 1.0)
    judged = outputs_of(learner.networks.critics, state.fixed, obs, _decided(policy, obs, shares))
    values = outputs_of(policy.noise_critic, policy.actor, obs, shares)[0]
    return 0.5 * jnp.mean((values - jax.lax.stop_gradient(climbed(spec, judged))) ** 2)


_BY_NOISE = SOFT_RULES._replace(policy=Partial(_policy_by_noise))
_BY_ACTION = SOFT_RULES._replace(
    policy=Partial(_policy_by_action), targets=Partial(_action_targets), actor_loss=Partial(_noise_loss)
)
