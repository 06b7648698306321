"""Explorations: one file per kind."""
