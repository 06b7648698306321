"""What states are worth on the way to goals: what kinds that learn from such values share."""
