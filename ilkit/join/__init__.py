"""Recordings put together: one file per kind."""
