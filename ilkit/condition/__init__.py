"""Policies of one task, of one that knows many: one file per kind."""
