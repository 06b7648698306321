"""Rollouts: one file per kind."""
