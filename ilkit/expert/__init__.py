"""Experts: one file per kind."""
