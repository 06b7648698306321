"""Beyond the demonstrator: recordings of a MuJoCo task, cloned, then improved in the simulator."""

from ilkit import pipeline, stages


@pipeline
def beyond(params):
    """Clones recordings, fine-tunes the clones where they are unsure, and measures both beside the recorded returns."""
    demos = stages.dataset(params.dataset, params.format, params.env)
    cloned = stages.imitate(params.imitate, params.policy, demos)
    uncertainty = stages.uncertainty(params.uncertainty, params.policy, demos)
    tuned = stages.finetune(params.finetune, params.exploration, params.env, cloned, uncertainty)
    return stages.evaluate(params.evaluate, params.env, demos, uncertainty=uncertainty, cloned=cloned, tuned=tuned)
