"""What learning from preferences shares: losses of pairs, likelihoods of clips, and the rewards that answers imply."""
