"""Evaluations: one file per kind."""
