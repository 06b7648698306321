"""Labelers: one file per kind."""
