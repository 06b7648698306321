"""More demonstrations from those given: one file per kind."""
