"""Preferences in control: what answers about pairs of clips make of a swing-up that was shown well and badly."""

from ilkit import pipeline, stages

LABELS = (50, 100, 200, 500, 1000)
"""How many questions were answered; each count holds the answers of the ones before it."""
ASKED = {50: "ask_50", 100: "ask_50", 200: "ask_100", 500: "ask_300", 1000: "ask_500"}
"""The block that asks what is new at each count."""
ACTIVE = (100, 200)
"""The counts that questions by disagreement reach, from the same first 50."""
MISTAKES = ("10", "20")
"""How many of a hundred answers are the opposite of what was meant."""
SIZE = 500
"""The count at which mistakes, and pairs of other kinds, are compared."""
WHOLE = 200
"""How many pairs five tries at each of 20 starts make."""


@pipeline
def preferences(params):
    """Returns over labels for each way to learn from answers, and what the learnt rewards say over all states."""
    expert = stages.expert(params.expert, params.env)
    tries = stages.rollout(params.tries, params.env, expert)
    held_out = stages.rollout(params.tries, params.env, expert, name="held_out")
    cloned = stages.imitate(params.clone, params.policy, tries)

    asked = _asked(params, tries)
    learnt = {f"reward_{count}": _learnt(params, count, one) for count, one in asked.items()}
    active = _active(params, tries, asked[LABELS[0]])
    learnt |= {f"active_{count}": _learnt(params, f"active_{count}", one) for count, one in active.items()}
    for share in MISTAKES:
        labeler = getattr(params, f"labeler_{share}")
        wrong = stages.prefer(params.ask_500, labeler, tries, name=f"mistaken_{share}")
        name = f"mistaken_{share}_{SIZE}"
        learnt[name] = stages.reward(params.reward_of_mistaken, params.network, wrong, name=f"reward_{name}")

    def reinforced(name, reward):
        return stages.finetune(params.ppo, params.exploration, params.env, cloned, reward=reward, name=f"ppo_{name}")

    policies = {name: reinforced(name, reward) for name, reward in learnt.items()}
    policies |= {f"dpo_{count}": _aligned(params, cloned, one, count) for count, one in asked.items()}
    policies |= {f"chosen_{count}": _chosen(params, one, count) for count, one in asked.items()}
    whole = stages.prefer(params.ask_whole, params.labeler, tries)
    policies[f"episodes_{WHOLE}"] = _chosen(params, whole, f"whole_{WHOLE}")
    policies |= _aligned_on_own_tries(params, tries)
    true = stages.finetune(params.ppo, params.exploration, params.env, cloned, name="ppo_on_the_true_reward")
    policies |= {"clone": cloned, "true": true}
    few = {"clone": cloned, "true": true, "learnt": policies[f"reward_{SIZE}"]}
    return (
        stages.evaluate(params.compare, params.env, tries, expert, **policies),
        stages.evaluate(params.evaluate, params.env, held_out, expert, **few, **learnt, answers=asked[SIZE]),
    )


def _asked(params, tries):
    """Answers to more and more questions drawn at random."""
    asked, earlier = {}, {}
    for count in LABELS:
        block = getattr(params, ASKED[count])
        asked[count] = stages.prefer(block, params.labeler, tries, **earlier, name=f"asked_{count}")
        earlier = {"earlier": asked[count]}
    return asked


def _active(params, tries, asked):
    """Answers to the same first questions, and to those about which the members of a reward disagree most."""
    found = {}
    for count in ACTIVE:
        judge = stages.reward(params.reward_so_far, params.network, asked, name=f"judge_before_{count}")
        block = getattr(params, f"{ASKED[count]}_by_disagreement")
        asked = stages.prefer(block, params.labeler, tries, judge, asked, name=f"asked_actively_{count}")
        found[count] = asked
    return found


def _learnt(params, name, asked):
    return stages.reward(params.reward, params.network, asked, name=f"reward_of_{name}")


def _aligned(params, cloned, asked, count):
    return stages.align(params.dpo, cloned, asked, name=f"aligned_{count}")


def _aligned_on_own_tries(params, tries):
    """A clone after answers about pairs of its own tries, and after answers about tries of what it becomes beside its
    own; both of a pair from one start, anywhere in the state space."""
    alone = stages.imitate(params.clone_alone, params.policy, tries)
    own = stages.rollout(params.own_tries, params.env, alone)
    asked = stages.prefer(params.ask_about_own, params.labeler, own)
    return {
        "reference": alone,
        f"dpo_own_{SIZE}": stages.align(params.dpo_gently, alone, asked),
        f"dpo_online_{SIZE}": stages.align_online(params.dpo_online, params.labeler, params.env, alone),
    }


def _chosen(params, asked, name):
    demos = stages.dataset(params.chosen, preferences=asked, name=f"chosen_{name}")
    return stages.imitate(params.clone, params.policy, demos, name=f"clone_of_chosen_{name}")
