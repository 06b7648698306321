"""What a part or something learnt does with one observation, block by block."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, Shaped

from ilkit.data.environment import Environment
from ilkit.data.network import Network
from ilkit.data.policy import Policy
from ilkit.data.spaces import Dict
from ilkit.data.uncertainty import Uncertainty
from ilkit.nn.head import Head
from ilkit.nn.wrapped_policy import WrappedPolicy
from ilkit.stepping.behavior import Behavior, RunningSquare
from ilkit.stepping.random_policy import RandomPolicy
from ilkit.testing.arguments import part
from ilkit.testing.problems import still, tracking_expert
from ilkit.testing.subject import Subject

Outputs = Mapping[str, Any]
Probe = Callable[[Any, PyTree, PRNGKeyArray], Outputs]


def has_loss(policy: Policy) -> bool:
    """Whether a policy can be fitted to actions."""
    if isinstance(policy, WrappedPolicy):
        return has_loss(policy.wrapped)
    if isinstance(policy, Head):
        return policy.has_density or type(policy).loss_from is not Head.loss_from
    return policy.has_density or type(policy).step_loss is not Policy.step_loss or type(policy).loss is not Policy.loss


def probe(thing: Any, entry: PyTree, key: PRNGKeyArray) -> Outputs:
    """All that a thing makes of one observation (an environment of one state)."""
    if isinstance(thing, Environment):
        return _environment(thing, entry, key)
    if isinstance(thing, Policy):
        return _policy(thing, entry, key)
    if isinstance(thing, Behavior):
        return _behavior(thing, entry, key)
    if isinstance(thing, Uncertainty):
        return {"covariance": thing.covariance(entry)}
    return {"outputs": thing(thing.initial_carry(), entry)[1]}


def entry_of(rows: PyTree, index: int) -> PyTree:
    """One of the entries to probe with."""
    return jax.tree.map(lambda leaf: leaf[index], rows)


def entries(subject: Subject, thing: Any, num_entries: int = 8) -> PyTree[Shaped[Array, "entries ..."]]:
    """Observations, or states of an environment, to probe with."""
    if isinstance(thing, Environment):
        return jax.vmap(lambda key: thing.reset(key=key))(jax.random.split(jax.random.key(7), num_entries))
    spaces = thing.spaces if isinstance(thing, Policy) else part("env", subject.options)().spaces
    if isinstance(spaces.observation, Dict):
        keys = jax.random.split(jax.random.key(7), len(spaces.observation.entries))
        pairs = zip(spaces.observation.entries, keys, strict=True)
        return {name: jax.random.uniform(key, (num_entries, *entry.shape), minval=-1.0) for (name, entry), key in pairs}
    drawn = jax.random.uniform(jax.random.key(7), (num_entries, spaces.observation.size), minval=-1.0)
    return drawn.reshape(num_entries, *subject.options.observation_shape) if isinstance(thing, Network) else drawn


def _behavior(behavior: Behavior, obs: Float[Array, " obs"], key: PRNGKeyArray) -> Outputs:
    running, actions, context = behavior.act(tracking_expert("continuous"), RunningSquare.empty(), obs[None], key=key)
    return {"actions": actions, "running": running, "context": context}


def _environment(env: Environment, state: PyTree, key: PRNGKeyArray) -> Outputs:
    reset_key, action_key, step_key = jax.random.split(key, 3)
    action = RandomPolicy.of(env.spaces).sample((), env.observe(state), key=action_key)[1]
    after, transition = env.step(state, action, key=step_key)
    return {"reset": env.reset(key=reset_key), "step": (after, transition), "observe": env.observe(after)}


def _policy(policy: Policy, obs: PyTree, key: PRNGKeyArray) -> Outputs:
    sample_key, action_key, loss_key = jax.random.split(key, 3)
    carry, action = policy.initial_carry(), RandomPolicy.of(policy.spaces).sample((), obs, key=action_key)[1]
    outputs: dict[str, Any] = {
        "mode": policy.mode(carry, obs)[1],
        "sample": policy.sample(carry, obs, key=sample_key)[1],
    }
    if policy.has_density:
        outputs["log_prob"] = policy.log_prob(carry, obs, action)[1]
        outputs["drawn"] = policy.sample_with_log_prob(carry, obs, key=sample_key)[1:]
    if policy.noise_size:
        outputs["steered"] = policy.steer(carry, obs, jax.random.normal(sample_key, (policy.noise_size,)))[1]
    if has_loss(policy):
        outputs["loss"] = policy.loss(still(policy, obs, action), key=loss_key)
    return outputs
