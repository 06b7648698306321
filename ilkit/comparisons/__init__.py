"""Comparisons that were recorded elsewhere: one file per kind."""
