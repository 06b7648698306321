"""Questions about pairs of clips: one file per kind."""
