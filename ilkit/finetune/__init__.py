"""Reinforcement: one file per kind."""
