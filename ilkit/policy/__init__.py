"""Policy heads: one file per kind."""
