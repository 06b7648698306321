"""ilkit: imitation learning in pure JAX, chained by DVC."""
