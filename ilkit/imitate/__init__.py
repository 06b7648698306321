"""Imitation: one file per kind."""
