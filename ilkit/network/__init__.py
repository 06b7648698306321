"""Networks: one file per kind."""
