"""A car that is cloned by what its center camera saw, and by what two cameras beside it saw as well."""

from ilkit import pipeline, stages


@pipeline
def driving(params):
    """Records a driver in calm weather with three cameras; compares clones that drive by one camera in the wind."""
    expert = stages.expert(params.expert, params.recording)
    recorded = stages.rollout(params.rollout, params.recording, expert)
    center = stages.augment(params.center_camera, params.recording, recorded)
    all_cameras = stages.augment(params.side_cameras, params.recording, recorded)
    drive = stages.rollout(params.rollout, params.recording, expert, name="second_drive")
    held_out = stages.augment(params.center_camera, params.recording, drive, name="held_out")
    one = stages.imitate(params.imitate, params.policy, center, name="clone_of_one")
    three = stages.imitate(params.imitate, params.policy, all_cameras, name="clone_of_three")
    return stages.evaluate(
        params.evaluate, params.env, center, held_out=held_out, center_camera=one, three_cameras=three
    )
