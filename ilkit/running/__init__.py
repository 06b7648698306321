"""Running pipelines: plan, loop, checkpoints, backend."""
