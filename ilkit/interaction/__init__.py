"""Learning from one's own episodes, labeled by an expert: what the kinds of `interact` share."""
